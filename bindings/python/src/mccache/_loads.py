"""Loading what the cache does not have: one loader a key at a time in this process, for threads and for asyncio.

What is served, who loads and who waits for how long is decided in the core, by a policy. A loader runs in its caller's thread
or coroutine; if that is not to wait for its end, in a thread or task of its own, which fills the cache when it is done.

Threads wait in the core, on the key's lease. Coroutines must not: each that finds a key being loaded leaves a note in
`Loads`, and whoever ends a lease here wakes those of its key. Invariant: a note is left before the last look at the key,
so that no end of a load is missed; and nothing waits for a lock, so that a fork catches none.
"""

import asyncio
import contextvars
import inspect
import threading
import time
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, Iterable, List, Optional, Set, Tuple, TypeVar

from ._errors import TimeoutError
from ._types import Key, Seconds, packed_tags
from ._waits import FOREVER_MS, SLICE_MS, left_ms, timeout_ms, ttl_ms

from . import _mccache

if TYPE_CHECKING:
    from ._cache import Cache

# What a load begins with: the core's states, and two of the glue's.
BUSY, FRESH, REFRESH, PAUSED, SLOW, LEASE, LEASE_WITH_EXPIRED = range(-1, 6)
#: Nothing is left to do but to give the value.
SERVED = frozenset((FRESH, PAUSED))
# What is told of loads that did not go as they should.
_STALE, _WAS_SLOW, _TIMED_OUT = range(3)

_T = TypeVar("_T")
#: With what a loaded value is put, its time to live and its tags; and the longest wait for another caller's load.
_Options = Tuple[Optional[Seconds], Iterable[str], Optional[Seconds]]
#: What a load begins with: its state, a value to be served, and the lease if it is to be loaded.
_Begun = Tuple[int, Any, Any]
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


class LoadPolicy:
    """How values of a cache are loaded: its settings, with others over them. From :meth:`mccache.Cache.load_policy`."""

    __slots__ = ("_native",)

    def __init__(self, cache: "Cache", config: Optional[_mccache.Config]) -> None:
        self._native = _mccache.LoadPolicy(cache, config)


class _Work:
    """One load that has its lease: run by whoever is to, waited for by whoever wants to."""

    def __init__(
        self,
        cache: "Cache",
        key: Key,
        begun: _Begun,
        loader: Callable[[], Any],
        options: _Options,
        policy: _mccache.LoadPolicy,
    ) -> None:
        state, self._held, self._lease = begun
        self._cache, self._key = cache, key
        self._lifetime_ms, self._tags = self._guarded(lambda: _checked(loader, options))
        self._has_expired = state == LEASE_WITH_EXPIRED
        self._is_refresh = state == REFRESH
        #: How long whoever asked waits for it; FOREVER_MS: then it runs where it was asked for.
        self.patience_ms = 0 if self._is_refresh else policy.patience(self._has_expired)
        self.done = threading.Event()
        self.value: Any = None
        self.error: Optional[BaseException] = None

    def run(self, loader: Callable[[], Any]) -> None:
        """Loads and fills. What is raised is kept."""
        try:
            value = loader()
            if inspect.iscoroutine(value):
                value.close()
                raise _Misuse("loader: it is a coroutine function; await cache.get_or_load_async(...) takes those")
            self._fill(value)
        except BaseException as error:
            self._fail(error)
        finally:
            self._end()

    async def run_async(self, loader: Callable[[], Awaitable[Any]]) -> None:
        """The same with a loader that is awaited. A cancellation is raised."""
        try:
            awaitable = loader()
            if not inspect.isawaitable(awaitable):
                raise _Misuse(
                    f"loader: it answered {type(awaitable).__name__}, which cannot be awaited; cache.get_or_load(...) "
                    "takes plain functions"
                )
            self._fill(await awaitable)
        except asyncio.CancelledError as error:
            self._fail(error)
            raise
        except BaseException as error:
            self._fail(error)
        finally:
            self._end()

    def answer(self) -> Any:
        """What whoever asked gets, at the end of its patience: what was loaded; or what is held, or what was raised."""
        if self._is_refresh:
            return self._held
        if self.done.is_set():
            return self._outcome()
        self._cache._note_load(self._key, _WAS_SLOW if self._has_expired else _TIMED_OUT)
        if self._has_expired:
            return self._held
        raise TimeoutError(f"timed out after {self.patience_ms} ms: the loader, which goes on")

    def _outcome(self) -> Any:
        if self.error is None:
            return self.value
        if self._has_expired and isinstance(self.error, Exception) and not isinstance(self.error, _Misuse):
            self._cache._note_load(self._key, _STALE)
            return self._held
        raise self.error

    def _fill(self, value: Any) -> None:
        # In the shape in which every reader gets it, whether it was put or something newer came meanwhile.
        _, self.value = self._lease.fill_object(self._cache, value, self._lifetime_ms, self._tags)

    def _fail(self, error: BaseException) -> None:
        self.error = error
        if isinstance(error, Exception):
            self._lease.failed()
        else:
            self._lease.give_up()

    def _end(self) -> None:
        self._cache._loads.ended(_bytes(self._key))
        self.done.set()

    def _guarded(self, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except BaseException:
            self._lease.give_up()
            self._cache._loads.ended(_bytes(self._key))
            raise


def _checked(loader: Callable[[], Any], options: _Options) -> Tuple[int, bytes]:
    """The time to live and the tags for C; what is wrong is told whether or not it would have been needed."""
    if not callable(loader):
        raise TypeError(f"loader: {type(loader).__name__} cannot be called")
    timeout_ms(options[2])
    return ttl_ms(options[0]), packed_tags(options[1])


class _Misuse(TypeError):
    """A loader of the wrong kind: no value is served in its place, since it can never load one."""


def load(
    cache: "Cache",
    key: Key,
    begun: _Begun,
    loader: Callable[[], Any],
    options: _Options,
    policy: _mccache.LoadPolicy,
) -> Any:
    """What `Cache.get_or_load` does if there is more to do than to give a value."""
    begun = begun if begun[2] is not None else _wait(cache, key, timeout_ms(options[2]), policy)
    if begun[2] is None:
        return begun[1]
    work = _Work(cache, key, begun, loader, options, policy)
    if work.patience_ms == FOREVER_MS:
        work.run(loader)
    else:
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(work.run, loader), name="mccache-load", daemon=True).start()
        work.done.wait(work.patience_ms / 1000)
    return work.answer()


async def load_async(
    cache: "Cache",
    key: Key,
    begun: _Begun,
    loader: Callable[[], Awaitable[Any]],
    options: _Options,
    policy: _mccache.LoadPolicy,
) -> Any:
    """What `Cache.get_or_load_async` does if there is more to do than to give a value."""
    begun = begun if begun[2] is not None else await _wait_async(cache, key, timeout_ms(options[2]), policy)
    if begun[2] is None:
        return begun[1]
    work = _Work(cache, key, begun, loader, options, policy)
    if work.patience_ms == FOREVER_MS:
        await work.run_async(loader)
    else:
        task = asyncio.ensure_future(work.run_async(loader))
        # The loop keeps no task alive by itself.
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)
        if work.patience_ms > 0:
            await _wait_for(task, work.patience_ms)
    return work.answer()


#: Loaders that nobody waits for.
_tasks: "Set[asyncio.Future[None]]" = set()


async def _wait_for(task: "asyncio.Future[None]", longest_ms: int) -> None:
    try:
        await asyncio.wait({task}, timeout=longest_ms / 1000)
    except asyncio.CancelledError:
        task.cancel()
        raise


class _Patience:
    """A wait for another caller's load, and when it is over."""

    def __init__(self, cache: "Cache", key: Key, total_ms: int, policy: _mccache.LoadPolicy) -> None:
        self._cache, self._key, self._policy, self._total_ms = cache, key, policy, total_ms
        self._begun = time.monotonic()
        self.deadline = self._begun + total_ms / 1000

    def is_over(self, state: int) -> bool:
        """Whether to wait no longer, having found this; raises if there is nothing to serve then."""
        if state not in (BUSY, SLOW):
            return True
        has_expired = state == SLOW
        patience_ms = self._policy.patience(has_expired)
        waited_ms = (time.monotonic() - self._begun) * 1000
        if waited_ms < min(self._total_ms, patience_ms):
            return False
        if has_expired:
            self._cache._note_load(self._key, _WAS_SLOW)
            return True
        if patience_ms <= self._total_ms and patience_ms != FOREVER_MS:
            self._cache._note_load(self._key, _TIMED_OUT)
        total_ms = min(self._total_ms, patience_ms)
        raise TimeoutError(f"timed out after {total_ms} ms: another caller of this process to load the key")

    def left_ms(self, state: int) -> int:
        """What is left of it, having found this."""
        policy_ms = self._policy.patience(state == SLOW)
        if policy_ms == FOREVER_MS:
            return left_ms(self.deadline)
        return min(left_ms(self.deadline), left_ms(self._begun + policy_ms / 1000))


def _wait(cache: "Cache", key: Key, total_ms: int, policy: _mccache.LoadPolicy) -> _Begun:
    patience = _Patience(cache, key, total_ms, policy)
    # Signals come to the main thread alone, and between bytecodes: only there the wait is cut into slices.
    slice_ms = SLICE_MS if threading.current_thread() is threading.main_thread() else total_ms
    begun = cache._begin(key, policy, 0)
    while not patience.is_over(begun[0]):
        begun = cache._begin(key, policy, min(slice_ms, patience.left_ms(begun[0])))
    return begun


async def _wait_async(cache: "Cache", key: Key, total_ms: int, policy: _mccache.LoadPolicy) -> _Begun:
    patience, name = _Patience(cache, key, total_ms, policy), _bytes(key)
    loop = asyncio.get_running_loop()
    while True:
        note = (loop, loop.create_future())
        cache._loads.leave(name, note)
        try:
            begun = cache._begin(key, policy, 0)
            if patience.is_over(begun[0]):
                return begun
            await asyncio.wait({note[1]}, timeout=patience.left_ms(begun[0]) / 1000)
        finally:
            cache._loads.withdraw(name, note)


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _bytes(key: Key) -> bytes:
    return key.encode() if isinstance(key, str) else key
