"""A queue of events, for those who want to hear of everything; callbacks are built on it too."""

import math
import threading
import time
from typing import TYPE_CHECKING, Iterator, Optional

from ._errors import ClosedError
from ._types import Event, Seconds, kind_of, version_text
from ._waits import SLICE_MS, timeout_ms

if TYPE_CHECKING:
    from . import _mccache


class Events:
    """Events since this was opened. Iterating waits for the next one, and ends when the queue or its node is closed.

    The queue is bounded: who does not keep up gets one ``OVERFLOW`` event that tells how many were dropped.
    """

    __slots__ = ("_native", "_turn", "__weakref__")

    def __init__(self, native: "_mccache.Events") -> None:
        self._native = native
        # The core's next() is for one thread at a time: its event is overwritten by the following call.
        self._turn = threading.Lock()

    def next(self, timeout: Optional[Seconds] = None) -> Optional[Event]:
        """Waits for the next event; None if there is none in time. None as the timeout waits for ever."""
        deadline = time.monotonic() + timeout_ms(timeout) / 1000
        while True:
            left_ms = max(0, math.ceil((deadline - time.monotonic()) * 1000))
            event = self._poll(min(left_ms, SLICE_MS))
            if event is not None or time.monotonic() >= deadline:
                return event

    def _poll(self, wait_ms: int) -> Optional[Event]:
        with self._turn:
            raw = self._native.poll(wait_ms)
        if raw is None:
            return None
        kind, local, cache, key, member, clock, origin, dropped = raw
        return Event(kind_of(kind), local, cache, key, member, version_text(clock, origin), dropped)

    def wake(self) -> None:
        """Cuts one wait of the core's short; ``next`` goes on waiting until its own timeout."""
        self._native.wake()

    def close(self) -> None:
        """Ends the queue, for a thread that waits in it too. Closing again does nothing."""
        self._native.close()

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        try:
            event = self.next()
        except ClosedError:
            raise StopIteration from None
        if event is None:
            raise StopIteration
        return event

    def __enter__(self) -> "Events":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
