"""Invalidation in two steps, around a transaction of the database that a cache is loaded from.

Invariant: what has begun ends, whatever the block raises, and the collector ends what a program forgot. A block that
raised may have committed its transaction all the same, so that counts as an end like any other.
"""

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Optional, Sequence, Type

from . import _mccache
from ._types import Key, Seconds
from ._waits import call_interruptibly, timeout_ms

if TYPE_CHECKING:
    from ._cache import Cache


class Invalidation:
    """What :meth:`mccache.Cache.invalidating` gives: for ``with`` and ``async with``."""

    __slots__ = ("_native", "_limit_ms", "_timeout_ms", "_complete", "_in_time", "_begun")

    def __init__(self, cache: "Cache", keys: Sequence[Key], limit: Seconds, timeout: Optional[Seconds]) -> None:
        self._limit_ms = timeout_ms(limit)
        if self._limit_ms == 0:
            raise ValueError("limit: it is above 0 seconds, and 600 at most")
        self._timeout_ms = timeout_ms(timeout)
        self._complete = False
        self._in_time: Optional[bool] = None
        self._begun = False
        self._native = _mccache.Invalidation(cache)
        for key in keys:
            self._native.add(key)

    @property
    def complete(self) -> bool:
        """Whether every live member has answered in time: if not, some may show what was before until they hear of the end."""
        return self._complete

    @property
    def in_time(self) -> Optional[bool]:
        """Whether it ended before its limit; None until it ends, and after :meth:`abort`."""
        return self._in_time

    def abort(self) -> None:
        """Ends it within the block, as the transaction was rolled back for certain; the end of the block does nothing then."""
        self._begun = False
        self._native.abort()

    def _begin(self) -> None:
        self._complete = self._native.begin(self._limit_ms, self._timeout_ms)
        self._begun = True

    def _end(self) -> None:
        if self._begun:
            self._begun = False
            self._in_time = self._native.commit()

    def __enter__(self) -> "Invalidation":
        call_interruptibly(self._begin)
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._end()

    async def __aenter__(self) -> "Invalidation":
        await asyncio.get_running_loop().run_in_executor(None, self._begin)
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._end()
