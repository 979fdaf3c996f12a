"""The functions most programs use, over the one node that the process has; the names are McCache for Python's."""

import base64
import os
import threading
import time
from typing import Any, Dict, Optional

from ._cache import Cache
from ._node import Node, Setting
from ._types import Callback, Checksum, Key, Seconds

#: The cache one gets without naming one.
DEFAULT_CACHE = "mccache"

_lock = threading.Lock()
_node: Optional[Node] = None
_hook_installed = False


def default_node() -> Node:
    """The process's own node: started on first use with the settings of file and environment, again if it was closed."""
    global _node
    _install_hook()
    with _lock:
        if _node is None or _node.closed:
            _node = Node()
        return _node


def get_cache(
    name: Optional[str] = DEFAULT_CACHE,
    callback: Optional[Callback] = None,
    *,
    native: Optional[bool] = None,
    **settings: Setting,
) -> Cache:
    """Opens the cache of this name in the process's own node; the same name gives the same object. Without a name it is
    the one called ``mccache``.

    ``settings`` are settings of caches (``cache_ttl=60``). ``callback(ctx)`` is called, in a thread of its own, when
    an entry changes within ``callback_win`` seconds after this process looked it up. ``ctx`` is a dictionary: ``typ``
    (:class:`mccache.CallbackType`), ``nms`` the cache's name, ``key``, ``lkp`` when it was looked up, ``tsm`` now and
    ``elp`` the time between (nanoseconds), ``prvcrc`` and ``newcrc`` the CRC-32 of what was read and of what is there now
    (None if nothing), ``local`` whether this process made the change, ``member`` who did. ``native=True`` pickles what
    CBOR does not carry, and reads pickles: see :meth:`mccache.Node.cache`.
    """
    named = DEFAULT_CACHE if name is None or name == "" else name
    return default_node().cache(named, callback, native=native, **settings)


def clear_cache(name: Optional[str] = None) -> None:
    """Deletes all entries of a cache on every member; without a name, those of all caches open in this process."""
    names = default_node().caches() if name is None else [name]
    for each in names:
        get_cache(each).clear()


def get_local_metrics(name: Optional[str] = None) -> Dict[str, Any]:
    """This process's figures: ``process``, ``mqueue``, ``node`` (every counter of the core), and one part a cache.

    The original's ``inserts`` and ``updates`` of a cache are one figure here, ``puts``: whether a key was there before
    says little where other members put it, too.
    """
    node = default_node()
    counters = node.metrics()
    metrics: Dict[str, Any] = {
        "process": _process(counters),
        "mqueue": {"obq": {"count": counters.get("outbox_keys", 0)}},
        "node": counters,
    }
    for each in node.caches() if name is None else [name]:
        metrics[each] = _cache_metrics(node.cache(each))
    return metrics


def get_local_checksum(name: Optional[str] = None, key: Optional[Key] = None) -> Dict[Key, Dict[str, str]]:
    """For each key, or for one: ``crc`` of its value (base64) and ``tsm``, the time of day it was written (UTC)."""
    cache = get_cache(name)
    checksums: Dict[Key, Dict[str, str]] = {}
    for each in cache if key is None else [key]:
        try:
            known = cache.metadata[each]
        except KeyError:
            continue
        crc = base64.b64encode(known["crc"].to_bytes(4, "big")).decode().rstrip("=")
        seconds, ns = divmod(known["tsm"], 1_000_000_000)
        checksums[each] = {"crc": crc, "tsm": f"{time.strftime('%H:%M:%S', time.gmtime(seconds))}.{ns:09}"}
    return dict(sorted(checksums.items(), key=_by_key))


def get_cluster_metrics(
    name: Optional[str] = None, node: Optional[str] = None, timeout: Seconds = 2.0
) -> Dict[str, Optional[Dict[str, int]]]:
    """Every live member's counters by its name, or one member's; None for who did not answer in time.

    Counters are a member's, not a cache's: ``name`` is taken for the original's callers, and changes nothing.
    """
    return _only(default_node().cluster_metrics(timeout), node)


def get_cluster_checksum(
    name: Optional[str] = None, node: Optional[str] = None, timeout: Seconds = 2.0
) -> Dict[str, Optional[Checksum]]:
    """A cache's checksum on every live member by its name, or on one; None for who did not answer in time."""
    return _only(get_cache(name).cluster_checksum(timeout), node)


def _install_hook() -> None:
    global _hook_installed
    if not _hook_installed and hasattr(os, "register_at_fork"):
        _hook_installed = True
        os.register_at_fork(after_in_child=_after_fork_in_child)


def _after_fork_in_child() -> None:
    """Another thread of the parent may have held the lock at the fork; nobody would ever release it here."""
    global _lock
    _lock = threading.Lock()


def _only(answers: Dict[str, Any], node: Optional[str]) -> Dict[str, Any]:
    if node is None:
        return answers
    if node not in answers:
        known = ", ".join(sorted(answers))
        raise ValueError(f"node: no live member is called {node!r}; there are {known}")
    return {node: answers[node]}


def _cache_metrics(cache: Cache) -> Dict[str, int]:
    stats = cache.stats()
    return {
        "count": stats.entries,
        "size": stats.bytes,
        "lookups": stats.hits,
        "misses": stats.misses,
        "puts": stats.puts,
        "deletes": stats.deletes,
        "evicts": stats.evictions,
        "expires": stats.expirations,
        "tombstones": stats.tombstones,
    }


def _process(counters: Dict[str, int]) -> Dict[str, Any]:
    times = os.times()
    return {
        "avgload": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "cputimes": {"user": times.user, "system": times.system},
        "meminfo": {"rss": _resident_bytes()},
        "netioinfo": {
            name: counters[name]
            for name in ("bytes_sent", "bytes_received", "datagrams_sent", "datagrams_received")
            if name in counters
        },
    }


def _resident_bytes() -> Optional[int]:
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _by_key(item: Any) -> bytes:
    key = item[0]
    return key if isinstance(key, bytes) else key.encode()
