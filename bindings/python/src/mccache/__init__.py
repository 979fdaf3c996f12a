"""mccache: a dictionary in every process, kept coherent across the cluster, with no server.

    import mccache
    c = mccache.get_cache("demo")
    c["k"] = "v"

Importing starts nothing: the first cache does.
"""

from . import _native  # first: it tells what is missing, and what to do
from . import _mccache
from ._api import (
    clear_cache,
    get_cache,
    get_cluster_checksum,
    get_cluster_metrics,
    get_local_checksum,
    get_local_metrics,
)
from ._cache import Cache
from ._cached import CachedCoroutine, CachedFunction, cached
from ._errors import (
    ClosedError,
    CodecError,
    ConfigError,
    Error,
    InternalError,
    InvalidArgumentError,
    NetworkError,
    TimeoutError,
    TooLargeError,
)
from ._events import Events
from ._invalidation import Invalidation
from ._loads import LoadPolicy
from ._node import Node, resume_after_fork
from ._types import (
    CallbackType,
    Checksum,
    ClusterKey,
    Event,
    EventKind,
    KeyRole,
    Member,
    MemberState,
    Metadata,
    Stats,
    Token,
)
from ._values import dumps, loads, pickle_dumps, pickle_loads

__all__ = [
    "Cache",
    "CachedCoroutine",
    "CachedFunction",
    "CallbackType",
    "Checksum",
    "ClosedError",
    "ClusterKey",
    "CodecError",
    "ConfigError",
    "Error",
    "Event",
    "EventKind",
    "Events",
    "InternalError",
    "InvalidArgumentError",
    "Invalidation",
    "KeyRole",
    "LoadPolicy",
    "Member",
    "MemberState",
    "Metadata",
    "NetworkError",
    "Node",
    "Stats",
    "TimeoutError",
    "Token",
    "TooLargeError",
    "cached",
    "clear_cache",
    "get_cache",
    "get_cluster_checksum",
    "get_cluster_metrics",
    "get_local_checksum",
    "get_local_metrics",
]

__version__ = _mccache.version()

# By mcc_status_t.
_mccache._bind(
    {
        1: KeyError,
        3: InvalidArgumentError,
        4: TooLargeError,
        5: ClosedError,
        6: TimeoutError,
        7: ConfigError,
        8: NetworkError,
        10: InternalError,
    },
    CodecError,
    dumps,
    loads,
    pickle_dumps,
    pickle_loads,
    resume_after_fork,
)
del _native, dumps, loads, pickle_dumps, pickle_loads, resume_after_fork
