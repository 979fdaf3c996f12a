"""Python objects as CBOR (RFC 8949), by ``cbor2``. Bytes, text and the plain scalars never come here: C does those."""

from typing import Any

from ._errors import CodecError


def dumps(value: Any) -> bytes:
    """Encodes what is neither bytes nor text. ``cbor2`` is imported when it is first needed."""
    import cbor2

    try:
        return cbor2.dumps(value)
    except (cbor2.CBOREncodeError, TypeError) as error:
        raise TypeError(
            f"a value of type {_name(value)} cannot be stored: {error}; values are bytes, str and what CBOR carries "
            "(None, bool, int, float, datetime with a time zone, list, dict, ...)"
        ) from error
    except (ValueError, RecursionError) as error:
        raise CodecError(f"a value of type {_name(value)} cannot be stored: {error}") from error


def loads(data: bytes) -> Any:
    """Decodes one CBOR item that some member, in whatever language, has put."""
    import cbor2

    try:
        return cbor2.loads(data)
    except Exception as error:
        raise CodecError(f"a value of {len(data)} bytes is not readable CBOR: {error}") from error


def _name(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
