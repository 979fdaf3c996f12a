"""mccache: a dictionary in every process, kept coherent across the cluster, with no server.

    import mccache
    c = mccache.get_cache("demo")
    c["k"] = "v"

Importing starts nothing: the first cache does.
"""

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
from ._node import Node, resume_after_fork
from ._types import CallbackType, Checksum, Event, EventKind, Member, MemberState, Metadata, Stats
from ._values import dumps, loads

__all__ = [
    "Cache",
    "CallbackType",
    "Checksum",
    "ClosedError",
    "CodecError",
    "ConfigError",
    "Error",
    "Event",
    "EventKind",
    "Events",
    "InternalError",
    "InvalidArgumentError",
    "Member",
    "MemberState",
    "Metadata",
    "NetworkError",
    "Node",
    "Stats",
    "TimeoutError",
    "TooLargeError",
    "clear_cache",
    "get_cache",
    "get_cluster_checksum",
    "get_cluster_metrics",
    "get_local_checksum",
    "get_local_metrics",
]

__version__ = _mccache.version()

if _mccache.abi_version() != _mccache.ABI_VERSION:
    raise ImportError(
        f"mccache was built for ABI {_mccache.ABI_VERSION} and runs with {_mccache.abi_version()}; reinstall it"
    )

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
    resume_after_fork,
)
del dumps, loads, resume_after_fork
