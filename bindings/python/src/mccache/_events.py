"""A queue of events, for those who want to hear of everything; callbacks are built on it too.

Threads wait in the core. Coroutines must not, so each queue that is awaited has a thread that waits for them: it takes
an event only while somebody awaits one, and ends soon after nobody does. Invariant: an event that was taken goes into
`ready` before anybody is told, so that a coroutine which is cancelled loses none.
"""

import asyncio
import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, AsyncIterator, Deque, Iterator, List, Optional, Tuple

from ._errors import ClosedError
from ._types import Event, Seconds, kind_of, version_text
from ._waits import FOREVER_MS, SLICE_MS, left_ms, timeout_ms

if TYPE_CHECKING:
    from . import _mccache

#: Longest wait for another thread that takes an event which is there already, in seconds.
_TURN_MIN_S = 0.01
#: How long the thread of an awaited queue stays when nobody awaits, in seconds: starting one costs more than an event.
_LINGER_S = 0.25

_Waiter = Tuple[asyncio.AbstractEventLoop, "asyncio.Future[None]"]


class Events:
    """Events since this was opened. Iterating waits for the next one, and ends when the queue or its node is closed.

    ``for event in events`` in a thread, ``async for event in events`` in a coroutine; both may be used at once, and each
    event goes to one of them. The queue holds 65,536: who does not keep up gets one ``OVERFLOW`` event that tells how many
    were dropped.
    """

    __slots__ = ("_native", "_pid", "_turn", "_ready", "_pump", "__weakref__")

    def __init__(self, native: "_mccache.Events") -> None:
        self._native = native
        self._ready: Deque[Event] = deque()
        self._begin()

    def _begin(self) -> None:
        """What a forked child makes anew: its parent's threads may have had the locks, and are not there."""
        self._pid = os.getpid()
        # The core's next() is for one thread at a time: its event is overwritten by the following call.
        self._turn = threading.Lock()
        self._pump = _Pump(self)

    def next(self, timeout: Optional[Seconds] = None) -> Optional[Event]:
        """Waits for the next event; None if there is none in time. None as the timeout waits for ever.

        Raises :class:`mccache.ClosedError` when the queue is closed and empty.
        """
        deadline = time.monotonic() + timeout_ms(timeout) / 1000
        while True:
            event = self._poll(min(left_ms(deadline), SLICE_MS))
            if event is not None or time.monotonic() >= deadline:
                return event

    async def next_async(self, timeout: Optional[Seconds] = None) -> Optional[Event]:
        """As :meth:`next`, for coroutines: the event loop goes on meanwhile. Cancelling it loses no event."""
        deadline = time.monotonic() + timeout_ms(timeout) / 1000
        loop = asyncio.get_running_loop()
        while True:
            event = self._taken() or self._take(0, 0)
            if event is not None or time.monotonic() >= deadline:
                return event
            waiter, pump = (loop, loop.create_future()), self._pump
            pump.add(waiter)
            try:
                await asyncio.wait({waiter[1]}, timeout=left_ms(deadline) / 1000)
            except BaseException:
                pump.remove(waiter)
                pump.pass_on()
                raise
            pump.remove(waiter)

    def _taken(self) -> Optional[Event]:
        """An event that was taken for a coroutine, which has not come for it."""
        try:
            return self._ready.popleft()
        except IndexError:
            return None

    def _poll(self, wait_ms: int) -> Optional[Event]:
        return self._taken() or self._take(wait_ms, max(wait_ms / 1000, _TURN_MIN_S))

    def _take(self, wait_ms: int, turn_s: float) -> Optional[Event]:
        """The core's next event. None if there is none in time, or if another thread is waiting for it all the time."""
        if self._pid != os.getpid():
            self._begin()
        if not self._turn.acquire(turn_s > 0, turn_s if turn_s > 0 else -1):
            return None
        try:
            raw = self._native.poll(wait_ms)
        finally:
            self._turn.release()
        if raw is None:
            return None
        kind, local, cache, key, member, clock, origin, dropped = raw
        return Event(kind_of(kind), local, cache, key, member, version_text(clock, origin), dropped)

    def wake(self) -> None:
        """Cuts one wait of the core's short; ``next`` goes on waiting until its own timeout."""
        self._native.wake()

    def close(self) -> None:
        """Ends the queue, for threads and coroutines that wait in it too. Closing again does nothing."""
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

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        try:
            event = await self.next_async()
        except ClosedError:
            raise StopAsyncIteration from None
        if event is None:
            raise StopAsyncIteration
        return event

    def __enter__(self) -> "Events":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Pump:
    """The thread that waits for the coroutines which await one queue, and these coroutines."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._changed = threading.Condition()
        self._waiters: List[_Waiter] = []
        self._runs = False

    def add(self, waiter: _Waiter) -> None:
        """Has the waiter told when it is to look again: of an event, or of the queue's end."""
        with self._changed:
            self._waiters.append(waiter)
            if self._events._ready:
                self._tell(1)
            elif self._runs:
                self._changed.notify()
            else:
                threading.Thread(target=self._run, name="mccache-events", daemon=True).start()
                self._runs = True

    def remove(self, waiter: _Waiter) -> None:
        """Forgets one that waits no longer, if it was not told. After the last the thread waits no longer, too."""
        with self._changed:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
                if not self._waiters and self._runs:
                    self._events.wake()

    def pass_on(self) -> None:
        """Tells another of an event whose waiter was told, and was cancelled before it came for it."""
        with self._changed:
            if self._events._ready:
                self._tell(1)

    def _run(self) -> None:
        while self._is_needed():
            try:
                event = self._events._take(FOREVER_MS, SLICE_MS / 1000)
            except Exception:
                # The queue's end, or worse: each that looks again hears of it, in the core's words.
                with self._changed:
                    self._tell(len(self._waiters))
                continue
            if event is not None:
                with self._changed:
                    self._events._ready.append(event)
                    self._tell(1)

    def _is_needed(self) -> bool:
        """Waits until somebody waits. False, and the thread is to end, if nobody does for a while."""
        with self._changed:
            self._runs = bool(self._changed.wait_for(lambda: self._waiters, _LINGER_S))
            return self._runs

    def _tell(self, count: int) -> None:
        """Wakes so many of those that have waited longest. The condition is held."""
        while self._waiters and count > 0:
            loop, future = self._waiters.pop(0)
            try:
                loop.call_soon_threadsafe(_wake, future)
                count -= 1
            except RuntimeError:
                pass  # its loop is closed, and so nobody waits there


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
