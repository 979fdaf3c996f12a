"""The values that cross languages: their bytes from tests/values.tsv, and what they are in Python."""

import datetime
import math
from pathlib import Path
from typing import Any, Dict, NamedTuple

HERE = Path(__file__).resolve().parent
#: Beside the tests where they were copied, in a source distribution, in the repository.
PLACES = [HERE, HERE.parent / "core" / "tests", HERE.parent.parent.parent / "tests"]


class Line(NamedTuple):
    """A value as some language writes it."""

    codec: int
    data: bytes


def found(name: str) -> str:
    """The text of a file that all languages read."""
    for place in PLACES:
        if (place / name).is_file():
            return (place / name).read_text(encoding="utf-8")
    raise FileNotFoundError(f"{name} is in none of {', '.join(map(str, PLACES))}")


def lines() -> Dict[str, Line]:
    """Every line of the file by its name."""
    table: Dict[str, Line] = {}
    for line in found("values.tsv").splitlines():
        if line and not line.startswith("#"):
            name, codec, data = line.split("\t")
            table[name] = Line(int(codec), unpacked(data))
    return table


def unpacked(text: str) -> bytes:
    """Bytes of hexadecimal digits, in pieces joined by `+`, a piece repeated by `COUNT*`; `-` for none."""
    data = b""
    for piece in text.split("+") if text != "-" else ():
        count, _, digits = piece.rpartition("*")
        data += bytes.fromhex(digits) * int(count or 1)
    return data


DATE = datetime.date(2026, 11, 25)
UTC = datetime.datetime(2026, 11, 25, 12, 34, 56, 789_123, tzinfo=datetime.timezone.utc)
KOLKATA = datetime.timezone(datetime.timedelta(hours=5, minutes=30))

NATIVE: Dict[str, Any] = {
    "null": None,
    "true": True,
    "false": False,
    "int_0": 0,
    "int_23": 23,
    "int_24": 24,
    "int_255": 255,
    "int_256": 256,
    "int_65535": 65_535,
    "int_65536": 65_536,
    "int_u32_max": 2**32 - 1,
    "int_u32_max_plus_1": 2**32,
    "int_2_53_plus_1": 2**53 + 1,
    "int_i64_max": 2**63 - 1,
    "int_i64_min": -(2**63),
    "int_u64_max": 2**64 - 1,
    "int_minus_1": -1,
    "int_minus_24": -24,
    "int_minus_25": -25,
    "int_minus_256": -256,
    "int_minus_257": -257,
    "big_2_64": 2**64,
    "big_minus_2_64_minus_1": -(2**64) - 1,
    "float_0": 0.0,
    "float_minus_0": -0.0,
    "float_1_5": 1.5,
    "float_1e300": 1e300,
    "float_tiny": 5e-324,
    "float_nan": math.nan,
    "float_inf": math.inf,
    "float_minus_inf": -math.inf,
    "text_empty": "",
    "text_ascii": "plain text",
    "text_astral": "\U0001f980 \U0001d11e é",
    "text_zero": "a\0b",
    "text_long": "x" * 100_000 + "\U0001f980",
    "bytes_empty": b"",
    "bytes_zero": b"\x00\x01\x00\xff",
    "bytes_long": bytes(i % 251 for i in range(65_536)),
    "list_empty": [],
    "list_nested": [1, [2, [3, []]], "x"],
    "list_mixed": [None, True, -1, 1.5, "t", b"\x00\xff"],
    "map_empty": {},
    "map_nested": {"a": 1, "b": [1, 2], "c": {"d": None}},
    "map_int_keys": {1: "one", -2: "minus two"},
    "datetime_utc": UTC,
    "datetime_offset": datetime.datetime(2026, 11, 25, 12, 34, 56, tzinfo=KOLKATA),
    "date": DATE,
    "list_of_dates": [DATE, UTC],
    "list_floats": [math.nan, math.inf, -math.inf, -0.0],
    "list_int_edges": [-(2**63), 2**63 - 1, 2**64 - 1],
    "map_astral": {"\U0001f980": "\U0001d11e"},
    "datetime_before_1970": datetime.datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=datetime.timezone.utc),
    "date_leap": datetime.date(2024, 2, 29),
}


def same(a: Any, b: Any) -> bool:
    """Equality that knows an int from a float and a bool, text from bytes, -0.0 from 0.0, and NaN as itself."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return math.isnan(a) and math.isnan(b) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(key in b and same(a[key], b[key]) for key in a)
    if isinstance(a, datetime.datetime):
        return bool(a == b) and a.utcoffset() == b.utcoffset()
    return bool(a == b)
