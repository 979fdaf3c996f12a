"""Python objects as CBOR (RFC 8949), by ``cbor2``, and as pickles. Bytes, text and the plain scalars never come here."""

from typing import Any, Dict

from ._errors import CodecError

#: The newest that all supported Pythons read.
PICKLE_PROTOCOL = 5


def dumps(value: Any) -> bytes:
    """Encodes what is neither bytes nor text. ``cbor2`` is imported when it is first needed."""
    import cbor2

    try:
        return cbor2.dumps(value)
    except (cbor2.CBOREncodeError, TypeError) as error:
        raise TypeError(
            f"a value of type {_name(value)} cannot be stored: {error}; values are bytes, str and what CBOR carries "
            "(None, bool, int, float, datetime with a time zone, list, dict, ...); a cache opened with native=True "
            "pickles others"
        ) from error
    except (ValueError, RecursionError) as error:
        raise CodecError(f"a value of type {_name(value)} cannot be stored: {error}") from error


def loads(data: bytes, has_undefined: bool) -> Any:
    """Decodes one CBOR item that some member, in whatever language, has put; C has checked that it is well-formed."""
    import cbor2

    try:
        value = cbor2.loads(data)
        return _without_undefined(value, cbor2.undefined, {}) if has_undefined else value
    except Exception as error:
        raise CodecError(
            f"a value of {len(data)} bytes is not readable CBOR: {error}; view(key) gives its bytes"
        ) from error


def pickle_dumps(value: Any) -> bytes:
    """Pickles what CBOR does not carry, for a cache that was opened with ``native=True``."""
    import pickle

    try:
        return pickle.dumps(value, PICKLE_PROTOCOL)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise TypeError(f"a value of type {_name(value)} can neither be stored as CBOR nor pickled: {error}") from error
    except (ValueError, RecursionError) as error:
        raise CodecError(f"a value of type {_name(value)} cannot be pickled: {error}") from error


def pickle_loads(data: bytes) -> Any:
    """Reads a pickle, which runs what its writer put there."""
    import pickle

    try:
        return pickle.loads(data)
    except Exception as error:
        raise CodecError(
            f"a value of {len(data)} bytes is not readable pickle: {type(error).__name__}: {error}; view(key) gives its "
            "bytes"
        ) from error


def _without_undefined(value: Any, undefined: Any, seen: Dict[int, Any]) -> Any:
    """Puts None in the place of undefined, in lists and dicts; what cbor2 shares stays shared, a cycle too."""
    if value is undefined:
        return None
    if id(value) in seen:
        return value
    if isinstance(value, list):
        seen[id(value)] = value
        value[:] = [_without_undefined(item, undefined, seen) for item in value]
    elif isinstance(value, dict):
        seen[id(value)] = value
        entries = [(key, _without_undefined(item, undefined, seen)) for key, item in value.items()]
        value.clear()
        value.update((None if key is undefined else key, item) for key, item in entries)
    return value


def _name(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
