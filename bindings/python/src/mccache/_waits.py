"""Times and waiting. In Python times are seconds; in C they are milliseconds.

Signals reach Python code only in the main thread, and only between bytecodes: no wait there may sit in C for longer
than ``SLICE_MS``, or Ctrl-C would seem dead.
"""

import math
import threading
import time
from datetime import timedelta
from typing import Any, Callable, List, Optional, Union

from ._errors import TimeoutError

Seconds = Union[float, timedelta]

#: Longest stay inside one waiting C call of the main thread, in milliseconds.
SLICE_MS = 200
#: In C: without end.
FOREVER_MS = 2**63 - 1
#: Longer times than a century are for ever: they would only overflow somewhere.
_LONGEST_MS = 100 * 366 * 24 * 3600 * 1000


def timeout_ms(timeout: Optional[Seconds]) -> int:
    """A timeout for C. None waits for ever."""
    if timeout is None:
        return FOREVER_MS
    seconds = _seconds(timeout, "timeout")
    if seconds < 0:
        raise ValueError(f"timeout: {timeout!r} is negative; 0 does not wait, None waits for ever")
    return _ms(seconds)


def ttl_ms(ttl: Optional[Seconds]) -> int:
    """A time to live for C. None is the cache's own setting (0 in C), infinity is for ever."""
    if ttl is None:
        return 0
    seconds = _seconds(ttl, "ttl")
    if seconds <= 0:
        raise ValueError(f"ttl: {ttl!r} must be above 0 seconds; None is the cache's own, math.inf is for ever")
    return _ms(seconds)


def left_ms(deadline: float) -> int:
    """What is left until a time of ``time.monotonic()``, for C: rounded up, never negative."""
    seconds = deadline - time.monotonic()
    return FOREVER_MS if seconds > _LONGEST_MS / 1000 else max(0, math.ceil(seconds * 1000))


def wait_in_slices(call: Callable[[int], bool], timeout: Optional[Seconds], what: str) -> None:
    """Repeats ``call(milliseconds)``, which can be broken off and begun again, until it answers True."""
    total_ms = timeout_ms(timeout)
    deadline = time.monotonic() + total_ms / 1000
    while not call(min(SLICE_MS, left_ms(deadline))):
        if time.monotonic() >= deadline:
            raise TimeoutError(f"timed out after {total_ms} ms: {what}")


def call_interruptibly(call: Callable[[], Any]) -> Any:
    """Runs a long C call that must not be broken off, and lets the main thread hear Ctrl-C meanwhile.

    After an interrupt the call runs on by itself until its own timeout, and its answer is dropped.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    answer: List[Any] = []
    failure: List[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            answer.append(call())
        except BaseException as error:
            failure.append(error)
        finally:
            done.set()

    threading.Thread(target=run, name="mccache-wait", daemon=True).start()
    done.wait()
    if failure:
        raise failure[0]
    return answer[0]


def _seconds(value: Seconds, name: str) -> float:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name}: expected seconds (a number) or a timedelta, not {type(value).__name__}")
    if math.isnan(value):
        raise ValueError(f"{name}: not a number of seconds")
    return float(value)


def _ms(seconds: float) -> int:
    """Rounds up, so that no time above zero becomes none."""
    ms = seconds * 1000
    return FOREVER_MS if ms > _LONGEST_MS else math.ceil(ms)
