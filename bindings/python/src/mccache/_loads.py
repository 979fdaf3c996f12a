"""Loading what the cache does not have: one loader a key at a time in this process, for threads and for asyncio.

Threads wait in the core, on the key's lease. Coroutines must not: each that finds a key being loaded leaves a note in
`Loads`, and whoever ends a lease here wakes those of its key. Invariant: a note is left before the last look at the key,
so that no end of a load is missed; and nothing waits for a lock, so that a fork catches none.
"""

import asyncio
import inspect
import threading
import time
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, List, Optional, Tuple

from ._errors import TimeoutError
from ._types import Key, Seconds
from ._waits import SLICE_MS, left_ms, timeout_ms, ttl_ms

if TYPE_CHECKING:
    from . import _mccache
    from ._cache import Cache

_Note = Tuple[asyncio.AbstractEventLoop, "asyncio.Future[None]"]


class Loads:
    """Coroutines that wait for the end of a load, by key."""

    def __init__(self) -> None:
        # Each operation on it is one step under the GIL.
        self._notes: Dict[bytes, List[_Note]] = {}

    def leave(self, key: bytes, note: _Note) -> None:
        """Notes who is to be woken when the load of a key ends."""
        while True:
            notes = self._notes.setdefault(key, [])
            notes.append(note)
            # Whoever took the list away in between may have read it before the note was in it.
            if self._notes.get(key) is notes:
                return

    def withdraw(self, key: bytes, note: _Note) -> None:
        """Takes a note back, if it is still there."""
        notes = self._notes.get(key)
        if notes is not None and note in notes:
            notes.remove(note)
            if not notes:
                self.ended(key)  # takes the empty list away; who came meanwhile is woken in vain, and looks again

    def ended(self, key: bytes) -> None:
        """Wakes those that wait for a key. Any thread may call it."""
        for loop, future in self._notes.pop(key, ()):
            try:
                loop.call_soon_threadsafe(_wake, future)
            except RuntimeError:
                pass  # its loop is closed, and so nobody waits there

    def ended_all(self) -> None:
        """Wakes everybody: the cache was closed."""
        for key in list(self._notes):
            self.ended(key)


def load(
    cache: "Cache",
    key: Key,
    lease: "Optional[_mccache.Lease]",
    loader: Callable[[], Any],
    ttl: Optional[Seconds],
    timeout: Optional[Seconds],
) -> Any:
    """What `Cache.get_or_load` does if there is no value: it has the lease, or else another has it."""
    if lease is None:
        found, result = _wait(cache, key, timeout_ms(timeout))
        if found:
            return result
        lease = result
    try:
        lifetime_ms = ttl_ms(ttl)
        value = loader()
        if inspect.iscoroutine(value):
            value.close()
            raise TypeError("loader: it is a coroutine function; await cache.get_or_load_async(...) takes those")
        return _fill(cache, lease, value, lifetime_ms)
    except BaseException:
        lease.give_up()
        raise
    finally:
        cache._loads.ended(_bytes(key))


async def load_async(
    cache: "Cache",
    key: Key,
    lease: "Optional[_mccache.Lease]",
    loader: Callable[[], Awaitable[Any]],
    ttl: Optional[Seconds],
    timeout: Optional[Seconds],
) -> Any:
    """What `Cache.get_or_load_async` does if there is no value."""
    if lease is None:
        found, result = await _wait_async(cache, key, timeout_ms(timeout))
        if found:
            return result
        lease = result
    try:
        lifetime_ms = ttl_ms(ttl)
        awaitable = loader()
        if not inspect.isawaitable(awaitable):
            raise TypeError(
                f"loader: it answered {type(awaitable).__name__}, which cannot be awaited; cache.get_or_load(...) takes "
                "plain functions"
            )
        return _fill(cache, lease, await awaitable, lifetime_ms)
    except BaseException:
        lease.give_up()
        raise
    finally:
        cache._loads.ended(_bytes(key))


def _fill(cache: "Cache", lease: "_mccache.Lease", value: Any, lifetime_ms: int) -> Any:
    """The value in the shape in which every reader gets it, whether it was put or something newer came meanwhile."""
    _, stored = lease.fill_object(cache, value, lifetime_ms)
    return stored


def _wait(cache: "Cache", key: Key, total_ms: int) -> Tuple[bool, Any]:
    deadline = time.monotonic() + total_ms / 1000
    # Signals come to the main thread alone, and between bytecodes: only there the wait is cut into slices.
    slice_ms = SLICE_MS if threading.current_thread() is threading.main_thread() else total_ms
    while True:
        found, result = cache._lease(key, min(slice_ms, left_ms(deadline)))
        if found or result is not None:
            return found, result
        if time.monotonic() >= deadline:
            raise _too_long(total_ms)


async def _wait_async(cache: "Cache", key: Key, total_ms: int) -> Tuple[bool, Any]:
    deadline, name = time.monotonic() + total_ms / 1000, _bytes(key)
    loop = asyncio.get_running_loop()
    while True:
        note = (loop, loop.create_future())
        cache._loads.leave(name, note)
        try:
            found, result = cache._lease(key, 0)
            if found or result is not None:
                return found, result
            if time.monotonic() >= deadline:
                raise _too_long(total_ms)
            await asyncio.wait({note[1]}, timeout=left_ms(deadline) / 1000)
        finally:
            cache._loads.withdraw(name, note)


def _too_long(total_ms: int) -> TimeoutError:
    return TimeoutError(f"timed out after {total_ms} ms: another caller of this process to load the key")


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _bytes(key: Key) -> bytes:
    return key.encode() if isinstance(key, str) else key
