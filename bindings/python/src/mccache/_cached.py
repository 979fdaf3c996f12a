"""`@cached`: a function whose answers are kept in a cache, and so shared by the cluster.

The key of a call is a text made of the function's name and the arguments. Invariant: two calls that may have different
answers never have one key; an argument of which that cannot be told is refused, not guessed.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import functools
import hashlib
import inspect
import sys
import types
import uuid
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, Generic, List, Optional, Tuple, TypeVar, Union, overload

from ._cache import Cache
from ._types import Key, Seconds

if sys.version_info >= (3, 10):
    from typing import ParamSpec

    P = ParamSpec("P")
else:
    P = TypeVar("P")

R = TypeVar("R")

if TYPE_CHECKING:
    from typing import Protocol

    class _Decorator(Protocol):
        """What :func:`cached` answers."""

        @overload
        def __call__(  # type: ignore[overload-overlap]
            self, function: Callable[P, Awaitable[R]], /
        ) -> CachedCoroutine[P, R]: ...
        @overload
        def __call__(self, function: Callable[P, R], /) -> CachedFunction[P, R]: ...


#: Longer texts of arguments are told by their hash: keys are held, and sent, by every member.
TEXT_LEN_MAX = 400
#: Lists in lists in lists: more is refused, as one that contains itself is.
DEPTH_MAX = 20

_PLAIN = (type(None), bool, int, float)
_BY_REPR = (bytes, decimal.Decimal, uuid.UUID, datetime.date, datetime.timedelta)
_BRACKETS: Dict[type, Tuple[str, str]] = {list: ("[", "]"), tuple: ("(", ")"), set: ("{", "}"), frozenset: ("<", ">")}


def cached(
    cache: Union[str, Cache, None] = None,
    ttl: Optional[Seconds] = None,
    *,
    key: Optional[Callable[..., Key]] = None,
    name: Optional[str] = None,
    timeout: Optional[Seconds] = 30.0,
) -> _Decorator:
    """Keeps a function's answers in a cache: ``@mccache.cached("prices", ttl=60)``. For plain and for async functions.

    ``cache`` is a cache or the name of one of the process's own node, which is opened by the first call. A call whose
    key is there answers at once; else the function runs, for one caller of this process at a time (``timeout`` as in
    :meth:`mccache.Cache.get_or_load`), and what it answers is put, None too. What it raises is not kept.

    Without ``key`` the key is a text of the function's module and name and of its arguments, defaults filled in, so
    that ``f(1)``, ``f(x=1)`` and ``f(1, y=<its default>)`` are one, and ``f(1)``, ``f(1.0)``, ``f(True)`` and ``f("1")``
    are four. Arguments may be None, bool, int, float, str, bytes, date, datetime, timedelta, Decimal, UUID, members of
    an Enum, and lists, tuples, dicts and sets of these. Others, ``self`` among them, are a ``TypeError``: whether two of
    them are the same cannot be told from outside. ``key(*args, **kwargs)`` makes the whole key, ``str`` or ``bytes``.
    ``name`` stands for module and name; a lambda and a function within a function need it, since others have their name.

    The decorated function has ``cache``, ``key(*args)``, ``invalidate(*args)`` and ``__wrapped__``.
    """
    if callable(cache):
        raise TypeError("@mccache.cached needs its parentheses: @mccache.cached() or @mccache.cached('name', ttl=60)")
    if cache is not None and not isinstance(cache, (str, Cache)):
        raise TypeError(f"cache: expected a Cache or a cache's name, not {type(cache).__name__}")
    if key is not None and not callable(key):
        raise TypeError(f"key: expected a function of the call's arguments, not {type(key).__name__}")

    def decorate(function: Any) -> Any:
        kind = CachedCoroutine if inspect.iscoroutinefunction(function) else CachedFunction
        return kind(function, cache, ttl, key, name, timeout)

    return decorate


class _Cached(Generic[P, R]):
    """What plain and async functions have in common."""

    __wrapped__: Callable[P, Any]

    def __init__(
        self,
        function: Callable[P, Any],
        cache: Union[str, Cache, None],
        ttl: Optional[Seconds],
        key: Optional[Callable[..., Key]],
        name: Optional[str],
        timeout: Optional[Seconds],
    ) -> None:
        functools.update_wrapper(self, function)  # type: ignore[arg-type]
        self._where = cache
        self._opened = cache if isinstance(cache, Cache) else None
        self._ttl = ttl
        self._timeout = timeout
        self._key = key if key is not None else DefaultKey(function, name)

    @property
    def cache(self) -> Cache:
        """The cache of the answers; opened if it is not."""
        opened = self._opened
        if opened is None or (opened.closed and not isinstance(self._where, Cache)):
            from ._api import get_cache

            opened = self._opened = get_cache(self._where if isinstance(self._where, str) else None)
        return opened

    def key(self, *args: P.args, **kwargs: P.kwargs) -> Key:
        """The key under which the answer to these arguments is kept."""
        return self._key(*args, **kwargs)

    def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Deletes the answer to these arguments, on every member; False if none was known here.

        A call that is being answered now does not bring it back.
        """
        return self.cache.delete(self._key(*args, **kwargs))

    def __get__(self, instance: Any, owner: Optional[type] = None) -> Any:
        # As a function does; the key gets the instance, too.
        return self if instance is None else types.MethodType(self, instance)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return f"<mccache.cached {self.__wrapped__!r}>"


class CachedFunction(_Cached[P, R]):
    """A function with a cache: see :func:`cached`."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The answer that is kept, or the function's."""
        load: Callable[[], R] = functools.partial(self.__wrapped__, *args, **kwargs)
        return self.cache.get_or_load(self._key(*args, **kwargs), load, self._ttl, self._timeout)


class CachedCoroutine(_Cached[P, R]):
    """An async function with a cache: see :func:`cached`."""

    def __init__(self, function: Callable[P, Any], *rest: Any) -> None:
        super().__init__(function, *rest)
        # For those who ask whether it is a coroutine function. Before 3.12 there is no mark, and `__call__` must do.
        mark: Callable[[Any], Any] = getattr(inspect, "markcoroutinefunction", lambda function: function)
        mark(self)

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The answer that is kept, or the function's."""
        load: Callable[[], Awaitable[R]] = functools.partial(self.__wrapped__, *args, **kwargs)
        return await self.cache.get_or_load_async(self._key(*args, **kwargs), load, self._ttl, self._timeout)


class DefaultKey:
    """A function's name and arguments as a text."""

    def __init__(self, function: Callable[..., Any], name: Optional[str]) -> None:
        try:
            self._signature = inspect.signature(function)
        except ValueError as error:
            raise TypeError(f"{error}: make its keys yourself, @mccache.cached(..., key=...)") from None
        self._name = name if name is not None else f"{function.__module__}.{function.__qualname__}"
        if name is None and "<" in self._name:
            raise TypeError(
                f"{self._name} cannot be told apart from others of its name: give it a name of its own, "
                "@mccache.cached(..., name='...'), or make its keys yourself, key=..."
            )
        parameters = self._signature.parameters.values()
        # Where every argument may go by its place, calls without keywords need no binding, which takes microseconds.
        self._by_place = all(each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for each in parameters)
        self._defaults = tuple(each.default for each in parameters)

    def __call__(self, *args: Any, **kwargs: Any) -> str:
        """The key of a call."""
        values = self._values(args) if not kwargs else None
        if values is None:
            bound = self._signature.bind(*args, **kwargs)
            bound.apply_defaults()
            values = tuple(bound.arguments.values())
        try:
            text = ",".join([text_of(value) for value in values])
        except TypeError:
            raise self._refused(values) from None
        if len(text) > TEXT_LEN_MAX:
            text = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
        return f"{self._name}({text})"

    def _values(self, args: Tuple[Any, ...]) -> Optional[Tuple[Any, ...]]:
        """The arguments in their order with the defaults behind them; None if it takes a binding to tell."""
        values = args + self._defaults[len(args) :]
        if not self._by_place or len(values) > len(self._defaults):
            return None
        return None if any(value is inspect.Parameter.empty for value in values[len(args) :]) else values

    def _refused(self, values: Tuple[Any, ...]) -> TypeError:
        """Which argument it is, and why."""
        for name, value in zip(self._signature.parameters, values):
            try:
                text_of(value)
            except TypeError as error:
                return TypeError(
                    f"{self._name}: argument `{name}` {error}; give @mccache.cached a key=..., a function of the same "
                    "arguments that answers the key"
                )
        return TypeError(f"{self._name}: the arguments changed while their key was made")


def text_of(value: Any, depth: int = 0) -> str:
    """A text that no value of another type, and no unequal one of its own, has."""
    kind = type(value)
    if kind in _PLAIN:
        return repr(value)
    if kind is str:
        return ascii(value)
    if kind is datetime.datetime:
        return f"datetime({value.isoformat()},{value.fold})"
    if kind in _BY_REPR:
        return repr(value)
    if isinstance(value, enum.Enum):
        member = value.name if value.name is not None else text_of(value.value, depth + 1)
        return f"{kind.__module__}.{kind.__qualname__}.{member}"
    if depth == DEPTH_MAX:
        raise TypeError(f"is nested deeper than {DEPTH_MAX}, or contains itself")
    if kind is dict:
        return _text_of_dict(value, depth + 1)
    brackets = _BRACKETS.get(kind)
    if brackets is None:
        raise TypeError(f"is of type {kind.__qualname__}, of which it cannot be told whether two are the same")
    items = [text_of(item, depth + 1) for item in value]
    if kind in (set, frozenset):
        items.sort()
    return f"{brackets[0]}{','.join(items)}{brackets[1]}"


def _text_of_dict(value: Dict[Any, Any], depth: int) -> str:
    """Dicts are equal in whatever order their entries came."""
    items: List[str] = sorted(f"{text_of(key, depth)}:{text_of(item, depth)}" for key, item in value.items())
    return f"dict({','.join(items)})"
