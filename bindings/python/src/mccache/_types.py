"""Small records that calls answer with."""

import enum
from datetime import timedelta
from typing import Any, Callable, Dict, Iterable, Mapping, NamedTuple, Optional, TypedDict, Union

Key = Union[str, bytes]
Seconds = Union[float, timedelta]
Context = Dict[str, Any]
Callback = Callable[[Context], Any]


class EventKind(enum.IntEnum):
    """What happened. A later core may know more kinds; those come as plain integers."""

    PUT = 0
    DELETE = 1
    CLEAR = 2
    EVICT = 3
    EXPIRE = 4
    MEMBER_JOINED = 5
    MEMBER_LEFT = 6
    MEMBER_FAILED = 7
    OVERFLOW = 8
    #: A loader failed.
    LOAD_FAILED = 9
    #: A load took longer than the soft timeout; an expired value was given meanwhile.
    LOAD_SLOW = 10
    #: A load took longer than the hard timeout.
    LOAD_TIMED_OUT = 11
    #: An expired value was given in place of a loaded one.
    STALE = 12
    #: A tag was invalidated: ``key`` is the tag, and empty if this node learned of it late.
    TAG_INVALIDATED = 13


class CallbackType(enum.IntEnum):
    """``ctx["typ"]`` of a callback."""

    #: The value that was looked up is gone: deleted, cleared, evicted or expired.
    DELETE = 1
    #: It was replaced.
    UPDATE = 2
    #: Changes were missed, because they came faster than callbacks ran: anything looked up may be old.
    INCOHERENT = 3


class MemberState(enum.IntEnum):
    """What a node thinks of another member."""

    JOINING = 0
    ALIVE = 1
    SUSPECT = 2
    LAGGING = 3
    DOWN = 4
    LEFT = 5


class KeyRole(enum.IntEnum):
    """What a node does with one of the cluster's keys."""

    #: It opens what others seal with it; the node has not sealed with it yet.
    DECRYPT_ONLY = 0
    #: It seals what the node sends, and opens.
    PRIMARY = 1
    #: The node has sealed with it; now it opens, until it is removed.
    RETIRED = 2


class Token(NamedTuple):
    """Names one write: :meth:`mccache.Cache.put_token`. Three numbers, which may be kept or sent to another member."""

    #: The version written, first part: the writer's hybrid logical clock.
    version_clock: int
    #: The version written, second part: the writer.
    version_origin: int
    #: Where the write stands on its way to the members. Means something to the process that wrote alone.
    position: int


class ClusterKey(NamedTuple):
    """One of the cluster's keys. The key itself is never told."""

    #: 1 to 255; 0 is the public key of a node without a ``crypto_key``.
    id: int
    role: int
    #: How many other members seal with it now, as far as this node has heard them.
    members: int


class Event(NamedTuple):
    """Something that happened in a cache or to the cluster."""

    kind: int
    #: Whether this process did it.
    local: bool
    #: The cache's name; empty for members.
    cache: str
    #: The key, as iteration would give it; empty where there is none.
    key: Key
    #: The member that wrote, joined, left or failed; empty if unknown.
    member: str
    #: The version that the entry has now, "0" for members. Versions of a key that differ are different writes.
    version: str
    #: For OVERFLOW: how many events were dropped.
    dropped: int


class Member(NamedTuple):
    """Another member of the cluster."""

    name: str
    #: One run of it: 24 hexadecimal digits.
    session: str
    #: Where it sends from.
    address: str
    #: The mccache it runs.
    version: str
    state: int
    #: Seconds since it was last heard.
    heard_ago: float
    #: Seconds to it and back, smoothed; 0 until measured.
    round_trip: float


class Stats(NamedTuple):
    """Figures of one cache in this process, since it was opened."""

    entries: int
    #: What they count against the limit of bytes.
    bytes: int
    #: Deleted keys that are remembered, so that an older put does not bring them back.
    tombstones: int
    #: Look-ups that found a value, waits for another caller's load among them.
    hits: int
    #: Look-ups that found none: a load is one, to wait for another caller's is none.
    misses: int
    #: Entries taken out to keep the limits.
    evictions: int
    #: Entries taken out because their time was over.
    expirations: int
    #: Puts and deletes by this process.
    puts: int
    deletes: int


class Checksum(NamedTuple):
    """Equal keys and values have equal checksums on every member."""

    sum: int
    entries: int


class Metadata(TypedDict):
    """What is known of an entry. The first three names are McCache for Python's."""

    #: When it was written: nanoseconds since 1970 by the writer's clock (to the millisecond).
    tsm: int
    #: CRC-32 of the value's bytes.
    crc: int
    #: When this process looked it up last, nanoseconds since 1970; 0 if never or not noted. Noted where there is a callback.
    lkp: int
    #: Which write it is. Versions of a key that differ are different writes.
    version: str
    #: Seconds since it was written.
    age: float
    #: Seconds until it expires; None if it does not.
    ttl: Optional[float]
    #: The value's length in bytes.
    size: int
    #: What the entry counts against the cache's limit of bytes.
    weight: int
    #: How its bytes are to be read: 0 bytes, 1 text, 2 CBOR.
    codec: int


def version_text(clock: int, origin: int) -> str:
    """The same text that the core's log shows: milliseconds, counter and writer."""
    return f"{clock >> 16}.{clock & 0xFFFF}@{origin:016x}"


def unused_name(name: str, taken: Mapping[str, Any]) -> str:
    """A member's name, or "name (2)" and so on: names need not be unique, and no answer may hide another."""
    unused, number = name, 2
    while unused in taken:
        unused, number = f"{name} ({number})", number + 1
    return unused


def kind_of(number: int) -> int:
    """Names a kind this facade knows."""
    return EventKind(number) if number in _KINDS else number


_KINDS = frozenset(int(kind) for kind in EventKind)


def _tag_bytes(tag: str) -> bytes:
    if not isinstance(tag, str):
        raise TypeError(f"tags: str is expected, not {type(tag).__name__}")
    return tag.encode()


def packed_tags(tags: Iterable[str]) -> bytes:
    """Tags for C: with a zero byte between two."""
    if isinstance(tags, (str, bytes)):
        raise TypeError(f"tags: {tags!r} is one tag; several texts are expected, like [{tags!r}]")
    names = [_tag_bytes(tag) for tag in tags]
    if not all(names) or any(b"\0" in name for name in names):
        raise ValueError("tags: each has 1 to 255 bytes of UTF-8, none of them zero")
    return b"\0".join(names)
