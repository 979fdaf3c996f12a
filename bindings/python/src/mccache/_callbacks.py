"""Callbacks: one thread a node takes its events and calls those whose looked-up entries have changed.

A look-up is noted with its time and the CRC of what was read; if that is no longer what is there, and the window
(``callback_win``) is not over, it calls back. Invariant: a callback's failure is logged and never ends the thread; the thread never
holds a lock while a callback runs; and it ends within ``SLICE_MS`` of being told, or of the node's close.
"""

import logging
import threading
import time
import zlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Dict, NamedTuple, Optional

from ._errors import ClosedError, Error
from ._types import Callback, CallbackType, Context, Event, EventKind, Key
from ._events import Events
from ._waits import SLICE_MS

if TYPE_CHECKING:
    from . import _mccache
    from ._cache import Cache

log = logging.getLogger("mccache")

#: Look-ups a cache remembers; beyond, the oldest is forgotten (and its change not told).
LOOKUPS_MAX = 65_536
#: How long close() waits for a callback that runs, in seconds. It cannot be interrupted.
STOP_WAIT_MAX = 1.0

_CHANGES = frozenset((EventKind.PUT, EventKind.DELETE, EventKind.EVICT, EventKind.EXPIRE))


class Lookup(NamedTuple):
    """When a key was read, and what."""

    at_ns: int
    crc: int


class Watch:
    """A cache's callback, and what was looked up in it lately."""

    def __init__(self, cache: "Cache", callback: Callback, window_s: float) -> None:
        self.cache = cache
        self.callback = callback
        self._window_ns = int(window_s * 1_000_000_000)
        # Each operation on it is one C call under the GIL; no lock is needed, and a fork cannot catch one.
        self._lookups: "OrderedDict[Key, Lookup]" = OrderedDict()

    def note(self, key: Key, crc: int) -> None:
        """Notes a look-up, for which the caller pays."""
        lookups = self._lookups
        name = _name(key)
        lookups[name] = Lookup(time.time_ns(), crc)
        try:
            lookups.move_to_end(name)
            if len(lookups) > LOOKUPS_MAX:
                lookups.popitem(last=False)
        except KeyError:
            pass  # another thread was faster

    def looked_up(self, key: Key) -> Optional[Lookup]:
        """The last look-up of a key, if it is remembered."""
        return self._lookups.get(_name(key))

    def deliver(self, event: Event) -> None:
        """Calls back if the event concerns a look-up within the window."""
        if event.kind == EventKind.OVERFLOW:
            self._call(self._context(CallbackType.INCOHERENT, event, None, Lookup(0, 0), None))
        elif event.kind in (EventKind.CLEAR, EventKind.TAG_INVALIDATED):
            for key in list(self._lookups):
                self._changed(event, key)
        elif event.kind in _CHANGES:
            self._changed(event, event.key)

    def _changed(self, event: Event, key: Key) -> None:
        """Compares what was read with what is there now, and not with what the event says.

        The event may be of a change before the look-up, or one of several: what counts is whether the reader's value
        is still true.
        """
        lookup = self._lookups.get(key)
        if lookup is None:
            return
        crc = self._crc(key)
        if crc == lookup.crc:
            return
        late = time.time_ns() - lookup.at_ns >= self._window_ns
        if late or crc is None:
            self._lookups.pop(key, None)
        else:
            self._lookups[key] = Lookup(lookup.at_ns, crc)
        if not late:
            kind = CallbackType.DELETE if crc is None else CallbackType.UPDATE
            self._call(self._context(kind, event, key, lookup, crc))

    def _context(
        self, kind: CallbackType, event: Event, key: Optional[Key], lookup: Lookup, crc: Optional[int]
    ) -> Context:
        now = time.time_ns()
        return {
            "typ": kind,
            "nms": self.cache.name,
            "key": key,
            "lkp": lookup.at_ns,
            "tsm": now,
            "elp": now - lookup.at_ns if lookup.at_ns else 0,
            "prvcrc": lookup.crc if key is not None else None,
            "newcrc": crc,
            "local": event.local,
            "member": event.member,
        }

    def _crc(self, key: Key) -> Optional[int]:
        try:
            return zlib.crc32(self.cache.view(key))
        except (KeyError, Error):
            return None

    def _call(self, context: Context) -> None:
        try:
            self.callback(context)
        except Exception:
            log.exception("the callback of cache %r failed", self.cache.name)


class Dispatcher:
    """The thread of one node. Started by the first callback, and again in a forked child by its first use of a cache."""

    def __init__(self, native: "_mccache.Node") -> None:
        self._native = native
        self._watches: Dict[str, Watch] = {}
        self._events: Optional[Events] = None
        self._thread: Optional[threading.Thread] = None

    def __bool__(self) -> bool:
        return bool(self._watches)

    def add(self, watch: Watch) -> None:
        """Adds or replaces a cache's callback. The node's lock is held."""
        self._watches[watch.cache.name] = watch
        self.start()

    def remove(self, name: str) -> None:
        """Forgets a cache's callback."""
        self._watches.pop(name, None)

    def start(self) -> None:
        """Starts the thread if it is needed and does not run."""
        if self._thread is not None or not self._watches:
            return
        self._events = Events(self._native.events())
        self._thread = threading.Thread(
            target=self._run, args=(self._events,), name="mccache-callbacks", daemon=True
        )
        self._thread.start()

    def forked(self) -> None:
        """In the child: the thread is not there, and the queue was the parent's."""
        self._thread = None
        self._events = None

    def stop(self) -> None:
        """Ends the thread. Waits for a callback that runs, but not for ever and not for itself."""
        events, thread = self._events, self._thread
        self._events = self._thread = None
        self._watches.clear()
        if events is not None:
            events.close()
        if thread is not None and thread is not threading.current_thread():
            thread.join(STOP_WAIT_MAX)

    def _run(self, events: Events) -> None:
        while self._events is events:
            try:
                event = events._poll(SLICE_MS)
            except ClosedError:
                return
            except Exception:
                log.exception("taking events failed; callbacks end")
                return
            if event is not None:
                self._deliver(event)

    def _deliver(self, event: Event) -> None:
        if event.kind == EventKind.OVERFLOW:
            for each in list(self._watches.values()):
                each.deliver(event)
            return
        watch = self._watches.get(event.cache)
        if watch is not None:
            watch.deliver(event)


def _name(key: Key) -> Key:
    """A key as events name it: text where it is UTF-8."""
    if isinstance(key, bytes):
        try:
            return key.decode()
        except UnicodeDecodeError:
            return key
    return key
