"""The cache: a dictionary over the extension type, whose slots do `c[k]`, `c[k] = v`, `del c[k]`, `k in c`, `len(c)`.

What is here builds the rest of a dictionary's manners from them. Invariant: no method trusts that a key it has just
seen is still there, because other threads and other members write all the time.
"""

import zlib
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, MutableMapping, ValuesView
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, Optional, Tuple, TypeVar

from . import _loads, _mccache
from ._errors import ClosedError, TimeoutError
from ._events import Events
from ._invalidation import Invalidation
from ._loads import SERVED, LoadPolicy
from ._types import Checksum, Key, Metadata, Seconds, Stats, Token, packed_tags, unused_name, version_text
from ._waits import SLICE_MS, call_interruptibly, timeout_ms, ttl_ms

if TYPE_CHECKING:
    from ._callbacks import Watch
    from ._node import Node, Setting

_T = TypeVar("_T")
_MISSING: Any = object()
#: SWIG 4.1 makes types without room for weak references, 4.5 with: a class may ask for it only once.
_SLOTS = ("_node", "_watch", "_loads", "_policy", "_pickles", "_closed") + (() if _mccache.Cache.__weakrefoffset__ else ("__weakref__",))


def _token(token: _mccache.Token) -> Token:
    return Token(token.version_clock, token.version_origin, token.position)


def _token_of(token: Token) -> Token:
    if not isinstance(token, Token):
        raise TypeError(f"token: a Token of put_token() is expected, not {type(token).__name__}")
    return token


def _rules_of(policy: LoadPolicy) -> _mccache.LoadPolicy:
    if not isinstance(policy, LoadPolicy):
        raise TypeError(f"policy: what load_policy() answers is expected, not {type(policy).__name__}")
    return policy._native


class _Absent:
    """Hides a method that SWIG gives its types: a dictionary has no `append`, and `acquire` would free twice."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> Any:
        raise AttributeError(f"'{owner.__name__}' object has no attribute '{self._name}'")


class Cache(_mccache.Cache):
    """A dictionary that every member of the cluster has, kept coherent in the background.

    Keys are ``str`` or ``bytes``; a text and its UTF-8 bytes are one key. Values are ``bytes``, ``str``, or anything
    that CBOR carries. Get one from :func:`mccache.get_cache` or :meth:`mccache.Node.cache`. Any thread may use it.
    """

    __slots__ = _SLOTS
    __hash__ = None  # type: ignore[assignment]
    __reversed__ = None
    acquire = _Absent()
    append = _Absent()
    disown = _Absent()
    next = _Absent()
    own = _Absent()

    def __init__(self, node: "Node", name: str, config: Optional[_mccache.Config], pickles: bool = False) -> None:
        super().__init__(node._native, name, config)
        self._node = node
        self._watch: Optional[Watch] = None
        self._loads = _loads.Loads()
        self._policy = _mccache.LoadPolicy(self, None)
        # Read in C, wherever a value is neither bytes nor text nor CBOR.
        self._pickles = pickles
        self._closed = False

    @property
    def name(self) -> str:
        """The name under which every member finds it."""
        return self._name()

    @property
    def node(self) -> "Node":
        """The node it belongs to."""
        return self._node

    @property
    def closed(self) -> bool:
        """Whether it, or its node, was closed in this process."""
        return self._closed or self._node.closed

    @property
    def native(self) -> bool:
        """Whether it was opened with ``native=True``: it pickles what CBOR does not carry, and reads pickles."""
        return self._pickles

    # -- One key -----------------------------------------------------------------------------------------------------

    def put(self, key: Key, value: Any, ttl: Optional[Seconds] = None, tags: Iterable[str] = ()) -> None:
        """As ``c[key] = value``, with a time to live of its own: seconds, or ``math.inf`` for no end.

        With ``tags``, at most 16 texts, :meth:`invalidate_tag` can take it.
        """
        if tags:
            self._put_tagged(key, value, ttl_ms(ttl), packed_tags(tags))
        else:
            self._put(key, value, ttl_ms(ttl))

    def invalidate_tag(self, tag: str) -> None:
        """Makes every entry that was put or loaded with this tag a miss, here at once and on every member soon.

        It takes no longer for a million entries than for one. They count in ``len`` until they expire or make room. What is
        put with the tag afterwards is read.
        """
        self._invalidate_tag(packed_tags([tag]))

    def invalidating(self, *keys: Key, limit: Seconds = 30.0, timeout: Optional[Seconds] = 1.0) -> Invalidation:
        """Surrounds a transaction that changes what these keys, 1 to 64 of them, are loaded from::

            with c.invalidating("product:7"):
                with db:
                    db.execute("UPDATE product SET price = 3 WHERE id = 7")

        From the beginning of the block to its end the keys are misses on every member, and what is loaded of them is
        returned and not put. So nobody reads from the cache what was before the transaction once the database has
        committed it, even if the process dies before the block ends: the members wait for its end for ``limit`` seconds,
        600 at most, and then load anew. Puts pass; it is no lock.

        The beginning waits for the members, for ``timeout`` seconds at most: see :attr:`Invalidation.complete`.
        """
        return Invalidation(self, keys, limit, timeout)

    def add(self, key: Key, value: Any, ttl: Optional[Seconds] = None) -> bool:
        """Puts a value if this process knows none for the key; False, and nothing is changed, if it does.

        Of this process's threads that try, one wins. Of two members that do it at once both may; the later one's stays.
        """
        return self._put_new(key, value, ttl_ms(ttl))

    def delete(self, key: Key) -> bool:
        """As ``del c[key]``, for keys that may not be there: False if no value was known here; it is deleted everywhere."""
        try:
            del self[key]
        except KeyError:
            return False
        return True

    def put_token(self, key: Key, value: Any, ttl: Optional[Seconds] = None) -> Token:
        """As :meth:`put`, and names the write: for :meth:`sync_token` here and :meth:`get_at_least` on any member.

        Neither waits for a member.
        """
        return _token(self._put_token(key, value, ttl_ms(ttl)))

    def delete_token(self, key: Key) -> Token:
        """As :meth:`delete`, and names the delete, whether or not a value was known here."""
        return _token(self._remove_token(key))

    def get_at_least(self, key: Key, token: Token, default: Any = None) -> Any:
        """The value of a key if it is the one that a token names, or a newer one; else the default.

        The token may come from another member, by whatever way the program has. Nothing is waited for: a write that has
        not come here yet is as good as none.
        """
        version_clock, version_origin, _ = _token_of(token)
        value = self._get_at_least(key, version_clock, version_origin)
        return default if value is None else value.decode(self)

    def touch(self, key: Key, ttl: Optional[Seconds] = None) -> bool:
        """Gives an entry a new time to live, here and everywhere. False if there is no such entry."""
        return self._touch(key, ttl_ms(ttl))

    def view(self, key: Key) -> memoryview:
        """The bytes of a value, without a copy and whatever their codec; they stay what they are while the view lives."""
        value = self._value(key)
        if value is None:
            raise KeyError(key)
        return memoryview(value)

    def pop(self, key: Key, default: Any = _MISSING, /) -> Any:
        """Removes a key everywhere and returns its value, in one step. One that cannot be read is removed, too."""
        value = self._take(key)
        if value is not None:
            return value.decode(self)
        if default is _MISSING:
            raise KeyError(key)
        return default

    def popitem(self) -> Tuple[Key, Any]:
        """Removes some entry everywhere and returns it; there is no order among entries."""
        for key in self:
            value = self._take(key)
            if value is not None:
                return key, value.decode(self)
        raise KeyError("popitem(): the cache is empty")

    def setdefault(self, key: Key, default: Any = None) -> Any:
        """The value of a key, which gets this one if it has none. Of this process's threads that try, one wins."""
        while True:
            value = self.get(key, _MISSING)
            if value is not _MISSING:
                return value
            if self._put_new(key, default, 0):
                return self.get(key, default)

    def get_or_load(
        self,
        key: Key,
        loader: Callable[[], _T],
        ttl: Optional[Seconds] = None,
        timeout: Optional[Seconds] = 30.0,
        policy: Optional[LoadPolicy] = None,
        tags: Iterable[str] = (),
    ) -> _T:
        """The value of a key; if there is none, what ``loader()`` answers, which is put with this time to live.

        One caller of this process loads a key at a time, coroutines included; the others wait for it, ``timeout``
        seconds at most (None: without end), then :class:`mccache.TimeoutError`. Members do not wait for each other.
        The loader runs in the caller's thread, under no lock. A put, a delete or a clear that comes while it runs wins:
        then what was loaded is returned, and not put. What it raises is raised here unchanged, nothing is put, and one
        of those that wait loads in its turn. None is a value as good as others.

        The cache's settings, or ``policy`` (:meth:`load_policy`), say more: an expired value in place of what the loader
        raises or takes too long for, an error after a time, an early refresh. A loader that is not waited for to its end
        runs in a thread of its own, and fills the cache when it is done.

        With ``tags`` what was loaded is put with them, and not put if one was invalidated meanwhile.

        A value just loaded is returned in the shape in which the cache gives it to everybody: a tuple as a list.
        Whoever asks for a key that its own loader loads waits for itself, until ``timeout``.
        """
        rules = self._policy if policy is None else _rules_of(policy)
        begun = self._begin(key, rules, 0)
        value: _T = begun[1] if begun[0] in SERVED else _loads.load(
            self, key, begun, loader, (ttl, tags, timeout), rules
        )
        return value

    async def get_or_load_async(
        self,
        key: Key,
        loader: Callable[[], Awaitable[_T]],
        ttl: Optional[Seconds] = None,
        timeout: Optional[Seconds] = 30.0,
        policy: Optional[LoadPolicy] = None,
        tags: Iterable[str] = (),
    ) -> _T:
        """As :meth:`get_or_load`, with a loader that is awaited; the event loop goes on meanwhile.

        Coroutines and threads that want the same key wait for one load. Cancelling the coroutine that loads cancels its
        loader, and the next in line loads.
        """
        rules = self._policy if policy is None else _rules_of(policy)
        begun = self._begin(key, rules, 0)
        if begun[0] in SERVED:
            value: _T = begun[1]
            return value
        value = await _loads.load_async(self, key, begun, loader, (ttl, tags, timeout), rules)
        return value

    def load_policy(self, **settings: "Setting") -> LoadPolicy:
        """How to load, for :meth:`get_or_load`: this cache's settings with these over them.

        ``eager_refresh`` (a share of the time to live), ``fail_safe``, ``fail_safe_throttle``, ``load_soft_timeout`` and
        ``load_hard_timeout`` (seconds). Make it once, and pass it to many calls.
        """
        from ._node import _cache_config

        return LoadPolicy(self, _cache_config(settings))

    # -- All keys ----------------------------------------------------------------------------------------------------

    def keys(self) -> KeysView[Key]:
        """A view of the keys."""
        return KeysView(self)

    def items(self) -> ItemsView[Key, Any]:
        """A view of the entries. Those that go while it is iterated are left out."""
        return Items(self)

    def values(self) -> ValuesView[Any]:
        """A view of the values. Those that go while it is iterated are left out."""
        return Values(self)

    def update(self, other: Any = (), /, **more: Any) -> None:
        """Puts the entries of a mapping, of pairs, and of the keywords."""
        pairs = other
        if isinstance(other, Mapping):
            pairs = other.items()
        elif hasattr(other, "keys"):
            pairs = ((key, other[key]) for key in other.keys())
        for key, value in pairs:
            self[key] = value
        for key, value in more.items():
            self[key] = value

    def clear(self) -> None:
        """Deletes all entries, on every member."""
        self._clear()

    def copy(self) -> Dict[Key, Any]:
        """The entries as they are now, in a plain ``dict``."""
        return dict(self.items())

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Mapping):
            return NotImplemented
        return self.copy() == dict(other.items())

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __or__(self, other: Any) -> Dict[Key, Any]:
        if not isinstance(other, Mapping):
            return NotImplemented
        return {**self.copy(), **dict(other.items())}

    def __ror__(self, other: Any) -> Dict[Key, Any]:
        if not isinstance(other, Mapping):
            return NotImplemented
        return {**dict(other.items()), **self.copy()}

    def __ior__(self, other: Any) -> "Cache":
        self.update(other)
        return self

    # -- The cluster -------------------------------------------------------------------------------------------------

    def sync(self, timeout: Optional[Seconds] = 5.0) -> None:
        """Waits until every live member has applied all that this process wrote to the cache before."""
        total = timeout_ms(timeout)
        if self._sync(min(total, SLICE_MS)):
            return
        rest = total - SLICE_MS
        if rest <= 0 or not call_interruptibly(lambda: self._sync(rest)):
            raise TimeoutError(f"timed out after {total} ms: members that are alive to apply what was written")

    def sync_token(self, token: Token, timeout: Optional[Seconds] = 5.0, members: Optional[int] = None) -> None:
        """Waits until members have applied one write of this process, or something newer; not for what came after it.

        ``members``: so many that have the cache open, this process not counted; None: all that are alive, as far as
        they have it open. A number that there are no members for is waited for all the same.
        """
        numbers = _token_of(token)
        if members is not None and not isinstance(members, int):
            raise TypeError(f"members: int or None is expected, not {type(members).__name__}")
        if members is not None and members < 1:
            raise ValueError(f"members is {members}: at least 1, or None for all that are alive")
        wanted = _mccache.SYNC_ALL if members is None else members
        total = timeout_ms(timeout)

        def wait(milliseconds: int) -> bool:
            return self._sync_token(*numbers, wanted, milliseconds)

        if wait(min(total, SLICE_MS)):
            return
        rest = total - SLICE_MS
        if rest <= 0 or not call_interruptibly(lambda: wait(rest)):
            who = "members that are alive" if members is None else f"{members} members"
            raise TimeoutError(f"timed out after {total} ms: {who} to apply the write")

    @property
    def metadata(self) -> "MetadataView":
        """What is known of each entry: ``c.metadata[key]``."""
        return MetadataView(self)

    def stats(self) -> Stats:
        """Figures of this cache in this process."""
        figures = self._stats()
        return Stats._make(getattr(figures, field) for field in Stats._fields)

    def checksum(self) -> Checksum:
        """Sums up the contents: equal contents have equal checksums on every member. Reads every entry."""
        checksum = self._checksum()
        return Checksum(checksum.sum, checksum.entries)

    def cluster_checksum(self, timeout: Seconds = 2.0) -> Dict[str, Optional[Checksum]]:
        """Each live member's checksum by its name, this node's first; None for who did not answer in time.

        Of members with the same name the second is ``name (2)``.
        """
        answers = call_interruptibly(lambda: self._cluster_checksum(timeout_ms(timeout)))
        members: Dict[str, Optional[Checksum]] = {}
        for index in range(answers.count()):
            item = answers.item(index)
            name = unused_name(answers.member(index), members)
            members[name] = Checksum(item.sum, item.entries) if item is not None else None
        return members

    def events(self) -> Events:
        """What happens in this cache from now on."""
        return Events(self._events())

    def events_of_lookups(self, window: Optional[Seconds] = None) -> Events:
        """What changes what this process has read: puts, deletes, evictions and expiries of a key within ``window`` seconds
        after its value was last read here, by whichever member, this one too; and clears and tags invalidated, if anything was
        read within that time.

        ``window``: None is the node's setting ``callback_win``, 5 seconds. From the first call on each read notes its key. A change
        that comes at the instant of a read may be told although the read has seen it. A callback (:func:`mccache.get_cache`)
        compares what was read with what is there, and calls.
        """
        return Events(self._events_of_lookups(ttl_ms(window)))

    # -- The end -----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Leaves the cache; its entries are forgotten here, and stay on other members. Closing again does nothing."""
        self._closed = True
        self._node._forget(self)
        self._close()
        self._loads.ended_all()

    def __enter__(self) -> "Cache":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        try:
            state = f"{len(self)} entries"
        except ClosedError:
            state = "closed"
        return f"<mccache.Cache {self.name!r} of {self._node.name!r}: {state}>"

    def __reduce__(self) -> Any:
        raise TypeError("a Cache cannot be pickled: open it by its name in the other process")


class WatchedCache(Cache):
    """A cache with a callback: it notes what is looked up, so that a change soon after can be told.

    A cache becomes one when it is given a callback; without one nothing is noted and nothing is paid.
    """

    __slots__ = ()

    def __getitem__(self, key: Key) -> Any:
        value = self._looked_up(key)
        if value is None:
            raise KeyError(key)
        return value.decode(self)

    def get(self, key: Key, default: Any = None, /) -> Any:
        """The value of a key, or the default."""
        value = self._looked_up(key)
        return default if value is None else value.decode(self)

    def get_or_load(
        self,
        key: Key,
        loader: Callable[[], _T],
        ttl: Optional[Seconds] = None,
        timeout: Optional[Seconds] = 30.0,
        policy: Optional[LoadPolicy] = None,
        tags: Iterable[str] = (),
    ) -> _T:
        """The value of a key, or what the loader answers."""
        value: _T = super().get_or_load(key, loader, ttl, timeout, policy, tags)
        self._looked_up(key)
        return value

    async def get_or_load_async(
        self,
        key: Key,
        loader: Callable[[], Awaitable[_T]],
        ttl: Optional[Seconds] = None,
        timeout: Optional[Seconds] = 30.0,
        policy: Optional[LoadPolicy] = None,
        tags: Iterable[str] = (),
    ) -> _T:
        """The value of a key, or what the loader answers."""
        value: _T = await super().get_or_load_async(key, loader, ttl, timeout, policy, tags)
        self._looked_up(key)
        return value

    def _looked_up(self, key: Key) -> Any:
        value = self._value(key)
        if value is not None and self._watch is not None:
            self._watch.note(key, zlib.crc32(value))
        return value


class Items(ItemsView[Key, Any]):
    """A view of entries. Iterating reads each with its key, in one step, and does not count as a use of it."""

    _mapping: Cache

    def __iter__(self) -> Iterator[Tuple[Key, Any]]:
        cache = self._mapping
        next_entry = cache._iter().entry
        entry = next_entry(cache)
        while entry is not None:
            yield entry
            entry = next_entry(cache)


class Values(ValuesView[Any]):
    """A view of values, iterated as entries are."""

    _mapping: Cache

    def __iter__(self) -> Iterator[Any]:
        for _, value in Items(self._mapping):
            yield value


class MetadataView(Mapping[Key, Metadata]):
    """A read-only mapping of keys to what is known of their entries."""

    __slots__ = ("_cache",)

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def __getitem__(self, key: Key) -> Metadata:
        cache = self._cache
        value = cache._value(key)
        try:
            known = cache._metadata(key)
        except KeyError:
            raise KeyError(key) from None
        if value is None:
            raise KeyError(key)
        looked_up = cache._watch.looked_up(key) if cache._watch is not None else None
        return {
            "tsm": known.written_ms * 1_000_000,
            "crc": zlib.crc32(value),
            "lkp": looked_up.at_ns if looked_up is not None else 0,
            "version": version_text(known.version_clock, known.version_origin),
            "age": known.age_ms / 1000,
            "ttl": None if known.ttl_remaining_ms == _mccache.TTL_FOREVER else known.ttl_remaining_ms / 1000,
            "size": known.size,
            "weight": known.weight,
            "codec": known.codec,
        }

    def __iter__(self) -> Iterator[Key]:
        return iter(self._cache)

    def __len__(self) -> int:
        return len(self._cache)

    def __contains__(self, key: object) -> bool:
        return key in self._cache

    def copy(self) -> Dict[Key, Metadata]:
        """What is known now, in a plain ``dict``."""
        known: Dict[Key, Metadata] = {}
        for key in self:
            try:
                known[key] = self[key]
            except KeyError:
                continue
        return known


_mccache._install(Cache)
MutableMapping.register(Cache)
