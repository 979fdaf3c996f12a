"""A node: this process's membership in a cluster, and the caches it has open.

Invariants: a name has one `Cache` object a node; nothing is registered, started or read before the first node is
made; and a forked child inherits no lock that another thread might have held.
"""

import atexit
import os
import threading
import weakref
from datetime import timedelta
from typing import Any, Dict, List, Optional, Union

from . import _log, _mccache
from ._cache import Cache, WatchedCache
from ._callbacks import Dispatcher, Watch
from ._errors import ConfigError, Error, InvalidArgumentError, TimeoutError
from ._events import Events
from ._types import Callback, ClusterKey, KeyRole, Member, MemberState, Seconds, unused_name
from ._waits import call_interruptibly, timeout_ms, wait_in_slices

Setting = Union[str, bytes, bool, int, float, timedelta, "os.PathLike[str]"]

_nodes: "weakref.WeakSet[Node]" = weakref.WeakSet()
_hooks_installed = False


class Node:
    """A member of a cluster. Most programs need none of their own: :func:`mccache.get_cache` uses the process's.

    Settings have the names of the configuration file (``cluster``, ``crypto_key``, ``cache_ttl``, ...) and go over
    file and environment. ``config_file`` reads one more file first.
    """

    def __init__(self, *, config_file: "Union[str, os.PathLike[str], None]" = None, **settings: Setting) -> None:
        # Before the core has anything to say, a warning about the settings included.
        _log.start()
        config = _mccache.Config.from_environment()
        if config_file is not None:
            config.load(os.fspath(config_file))
        _assign(config, settings)
        self._native = _mccache.Node(config)
        # Checked by the core, and applied here, where look-ups are seen.
        self._window = float(self._native.setting("callback_win") or 0)
        self._lock = threading.Lock()
        self._caches: Dict[str, Cache] = {}
        self._dispatcher = Dispatcher(self._native)
        self._closed = False
        _install_hooks()
        _nodes.add(self)

    @property
    def name(self) -> str:
        """The name by which other members show it."""
        return self._native.name()

    @property
    def closed(self) -> bool:
        """Whether it was closed in this process."""
        return self._closed

    def cache(
        self,
        name: str,
        callback: Optional[Callback] = None,
        *,
        native: Optional[bool] = None,
        **settings: Setting,
    ) -> Cache:
        """Opens a cache; the same name gives the same object.

        ``settings`` are settings of caches (``cache_ttl``, ``cache_max``, ...) over the node's. A callback is called
        with a dictionary when an entry changes within ``callback_win`` seconds after it was looked up here; it
        replaces the one the cache had. With ``native=True`` values that CBOR does not carry are pickled, and pickles are
        read. Reading a pickle runs code of whoever wrote it, so that the node must have a ``crypto_key``; None leaves
        it as the cache is open, or off.
        """
        if not isinstance(name, str):
            raise TypeError(f"a cache's name is a str, not {type(name).__name__}")
        if callback is not None and not callable(callback):
            raise TypeError(f"callback: {type(callback).__name__} cannot be called")
        with self._lock:
            cache = self._caches.get(name)
            pickles = self._pickles(name, native, cache)
            if cache is None or settings:
                opened = Cache(self, name, _cache_config(settings), pickles)
                cache = self._caches.setdefault(name, opened)
            if callback is not None:
                self._watch(cache, callback)
        return cache

    def _pickles(self, name: str, native: Optional[bool], cache: Optional[Cache]) -> bool:
        """What `native` amounts to for a cache that is open, or about to be."""
        if native is not None and not isinstance(native, bool):
            raise TypeError(f"native: expected True or False, not {type(native).__name__}")
        if cache is not None and native is not None and native is not cache.native:
            raise InvalidArgumentError(f"cache {name!r} is open already, with native={cache.native}; use that, or close it")
        # A secret that is set is told by no text at all.
        if native and self._native.setting("crypto_key") is not None:
            raise ConfigError(
                f"cache {name!r} cannot be opened with native=True: reading a pickle runs code of whoever wrote it, and "
                "the node has no crypto_key, so anybody could write one; give all members the same crypto_key "
                "(`mccache keygen` makes one)"
            )
        return bool(native)

    def setting(self, name: str) -> Optional[str]:
        """What a setting amounts to: given anywhere, derived, or the default; None for a secret that is set."""
        return self._native.setting(name)

    def keys(self) -> List[ClusterKey]:
        """The ids of the node's keys, what it does with each, and how many members use it."""
        keys = self._native.keys()
        return [_key(keys.key_id(index), keys.role(index), keys.members(index)) for index in range(keys.count())]

    def add_key(self, key: Union[str, bytes]) -> None:
        """Opens what is sealed with another key (``"ID:KEY"``), too. For a change of keys without a restart.

        Add the new key to every node; when all have it, make it primary on every node; when ``keys()`` tells of no
        member that uses the old one, on any node, remove that everywhere. Put the new key into the settings as well.
        """
        if not isinstance(key, (str, bytes)):
            raise TypeError(f"key: expected the text of a key, such as `mccache keygen` makes, not {type(key).__name__}")
        self._native.add_key(key if isinstance(key, str) else key.decode("ascii", "replace"))

    def set_primary_key(self, id: int) -> None:
        """Seals with another of the node's keys from now on. Members that do not hold it hear nothing of this node."""
        self._native.set_primary_key(_key_id(id))

    def remove_key(self, id: int) -> None:
        """Forgets a key that is not the primary: members that seal with it are not heard any more."""
        self._native.remove_key(_key_id(id))

    def caches(self) -> List[str]:
        """The names of the caches opened through this object."""
        with self._lock:
            return sorted(self._caches)

    def wait_ready(self, timeout: Optional[Seconds] = 5.0) -> None:
        """Waits until the node has found the members that are there and holds what they hold."""
        wait_in_slices(self._native.wait_ready, timeout, "the node to hold what the members hold")

    def members(self) -> List[Member]:
        """The other members, as this node knows them now."""
        found = self._native.members()
        return [_member(found.item(index)) for index in range(found.count())]

    def metrics(self) -> Dict[str, int]:
        """Every counter of this node by its name."""
        return _counters(self._native.counters())

    def cluster_metrics(self, timeout: Seconds = 2.0) -> Dict[str, Optional[Dict[str, int]]]:
        """Each live member's counters by its name, this node's first; None for who did not answer in time.

        Of members with the same name the second is ``name (2)``.
        """
        answers = call_interruptibly(lambda: self._native.cluster_metrics(timeout_ms(timeout)))
        members: Dict[str, Optional[Dict[str, int]]] = {}
        for index in range(answers.count()):
            counters = answers.item(index)
            name = unused_name(answers.member(index), members)
            members[name] = _counters(counters) if counters is not None else None
        return members

    def events(self) -> Events:
        """What happens from now on, in all caches and to the members."""
        return Events(self._native.events())

    def close(self) -> None:
        """Says goodbye and leaves the cluster; its caches are closed with it. Closing again does nothing."""
        self._closed = True
        self._dispatcher.stop()
        self._native.close()
        for cache in list(self._caches.values()):
            cache._loads.ended_all()

    def __enter__(self) -> "Node":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Freeing what was never closed would say goodbye with the GIL held. Without it no other thread has to wait.
        native = getattr(self, "_native", None)
        if native is not None and not self._closed:
            try:
                native.close()
            except Error:
                pass

    def __repr__(self) -> str:
        return f"<mccache.Node {self.name!r}{': closed' if self._closed else ''}>"

    def __reduce__(self) -> Any:
        raise TypeError("a Node cannot be pickled: make one in the other process")

    def _watch(self, cache: Cache, callback: Callback) -> None:
        cache.__class__ = WatchedCache
        cache._watch = Watch(cache, callback, self._window)
        self._dispatcher.add(cache._watch)

    def _forget(self, cache: Cache) -> None:
        with self._lock:
            if self._caches.get(cache.name) is cache:
                del self._caches[cache.name]
                self._dispatcher.remove(cache.name)

    def _forked(self) -> bool:
        """In the child. True if a thread is to be started on first use."""
        self._lock = threading.Lock()
        self._dispatcher.forked()
        return bool(self._dispatcher) and not self._closed


def resume_after_fork() -> None:
    """What the first use of a cache in a forked child does: starts the threads that the fork did not copy."""
    _log.resume()
    for node in list(_nodes):
        if not node.closed:
            node._dispatcher.start()


def _after_fork_in_child() -> None:
    if any([_log.forked(), *(node._forked() for node in list(_nodes))]):
        _mccache._set_pending()


def _close_all() -> None:
    """At exit: members hear a goodbye instead of a silence, and no thread is left to run into the end."""
    for node in list(_nodes):
        try:
            node.close()
        except Error:
            pass
    _log.stop()


def _install_hooks() -> None:
    global _hooks_installed
    if _hooks_installed:
        return
    _hooks_installed = True
    atexit.register(_close_all)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork_in_child)


def _assign(config: _mccache.Config, settings: Dict[str, Setting]) -> None:
    for name, value in settings.items():
        config.assign(name, _setting_text(name, value))


def _cache_config(settings: Dict[str, Setting]) -> Optional[_mccache.Config]:
    if not settings:
        return None
    config = _mccache.Config()
    _assign(config, settings)
    return config


def _setting_text(name: str, value: Setting) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("ascii")
    if isinstance(value, timedelta):
        # With its unit: a number alone is of the setting's, which is the minute for some.
        return _number_text(value.total_seconds()) + "s"
    if isinstance(value, float):
        return _number_text(value)
    if isinstance(value, (str, int)):
        return str(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"setting `{name}`: expected text, a number, a bool, a path or a timedelta, not {type(value).__name__}")


def _number_text(number: float) -> str:
    """60.0 is 60 to a setting of whole seconds."""
    return str(int(number)) if number.is_integer() else repr(number)


def _member(raw: _mccache.Member) -> Member:
    state = MemberState(raw.state) if raw.state in MemberState._value2member_map_ else raw.state
    return Member(
        raw.name, raw.session, raw.address, raw.version, state, raw.heard_ago_ms / 1000, raw.round_trip_us / 1_000_000
    )


def _key(id: int, role: int, members: int) -> ClusterKey:
    return ClusterKey(id, KeyRole(role) if role in KeyRole._value2member_map_ else role, members)


def _key_id(id: int) -> int:
    if isinstance(id, bool) or not isinstance(id, int):
        raise TypeError(f"id: expected a number of 1 to 255, not {type(id).__name__}")
    if not 1 <= id <= 255:
        raise InvalidArgumentError(f"id: {id} is not within 1 and 255")
    return id


def _counters(raw: _mccache.Counters) -> Dict[str, int]:
    return {raw.name(index): raw.value(index) for index in range(raw.count())}
