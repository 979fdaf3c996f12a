"""The core's log, handed to ``logging.getLogger("mccache")`` by a thread of its own.

Invariant: the core calls nothing of Python's, so a slow handler holds up nobody but this thread, and what does not fit
the queue meanwhile is counted. A program that has no handler at all is not spoken to: a member that comes is no reason to
write to its standard error.
"""

import logging
import threading
from typing import Optional, Tuple

from . import _mccache
from ._errors import ClosedError

log = logging.getLogger("mccache")

#: What the core's levels, from error to trace, are to Python, which has no name for the last.
_LEVELS = (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG, 5)
#: How soon a level that was changed is followed, ms: nothing tells of a change.
LOOK_MS = 1_000
#: How long the end of the process waits for handlers, in seconds.
STOP_WAIT_MAX = 1.0

_thread: Optional[threading.Thread] = None
_queue: Optional[_mccache.Logs] = None
_stopping = False
#: In a forked child: the parent listened, and this process does not yet.
_pending = False


def start() -> None:
    """Starts to listen, unless this process does. The first node calls it, before it opens anything."""
    global _thread, _queue
    if _thread is not None or _stopping:
        return
    level = _core_level()
    _queue = _mccache.Logs(level)
    _thread = threading.Thread(target=_run, args=(_queue, level), name="mccache-log", daemon=True)
    _thread.start()


def forked() -> bool:
    """In the child: thread and queue were the parent's. Whether there were any, so that there should be again."""
    global _thread, _queue, _pending
    _pending = _pending or _thread is not None
    _thread = None
    _queue = None
    return _pending


def resume() -> None:
    """With the first use of a cache in a forked child."""
    global _pending
    if _pending:
        _pending = False
        start()


def stop() -> None:
    """At exit: hands on what is queued, so that the last words are heard before ``logging`` shuts down."""
    global _stopping
    _stopping = True
    thread, queue = _thread, _queue
    if thread is not None and queue is not None:
        queue.close()
        thread.join(STOP_WAIT_MAX)


def _core_level() -> int:
    """The finest level of the core that the logger lets pass, 1 to 5."""
    effective = log.getEffectiveLevel()
    return max([1] + [index for index, level in enumerate(_LEVELS, 1) if level >= effective])


def _run(queue: _mccache.Logs, level: int) -> None:
    while True:
        try:
            record = queue.poll(LOOK_MS)
        except ClosedError:
            return
        if record is not None:
            _hand_on(record)
        wanted = _core_level()
        if wanted != level:
            level = wanted
            queue.set_level(level)


def _hand_on(raw: Tuple[int, int, str, str, int]) -> None:
    number, time_ms, target, message, dropped = raw
    # Not with the handler of last resort, which writes to standard error.
    if not log.hasHandlers():
        return
    if dropped:
        _handle(logging.WARNING, time_ms, target, f"{dropped} records of the log were dropped: its handlers are slow")
    _handle(_LEVELS[number - 1], time_ms, target, message)


def _handle(level: int, time_ms: int, target: str, message: str) -> None:
    if not log.isEnabledFor(level):
        return
    # `target` is the part of the core that speaks, for formats: %(target)s.
    record = log.makeRecord(log.name, level, target, 0, message, (), None, extra={"target": target})
    record.created = time_ms / 1000
    record.msecs = float(time_ms % 1000)
    try:
        log.handle(record)
    except Exception:
        # A filter's or handler's own failure, and there is nowhere to log it: as `logging` does by itself.
        logging.Handler().handleError(record)
