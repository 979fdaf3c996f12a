"""What crosses languages: the values of tests/values.tsv, and the conventions of docs/VALUES.md beyond them."""

import datetime
import math
import struct
import unittest
from typing import Any, List, Tuple

import mccache
from matrix import NATIVE, lines, same
from support import Case

UTC = datetime.timezone.utc
#: In CBOR, and what it is to be here. Not what this binding writes, but what others may.
READ: List[Tuple[str, Any]] = [
    ("f7", None),  # undefined
    ("82f7a201f7f702", [None, {1: None, None: 2}]),
    ("f93e00", 1.5),  # half
    ("f90001", 5.960464477539063e-08),  # the smallest half
    ("f98000", -0.0),
    ("f97c00", float("inf")),
    ("f97e01", float("nan")),
    ("fa3fc00000", 1.5),  # single
    ("fa7fc00001", float("nan")),
    ("fb7ff0000000000001", float("nan")),
    ("1800", 0),  # longer than needed
    ("1b0000000000000005", 5),
    ("3b0000000000000005", -6),
    ("3bffffffffffffffff", -(2**64)),
    ("c240", 0),  # a bignum of no bytes
    ("c24105", 5),
    ("c34105", -6),
    ("c25f42010041ffff", 0x0100FF),
    ("5f42010243030405ff", b"\1\2\3\4\5"),  # in pieces
    ("7f6161626263ff", "abc"),
    ("5fff", b""),
    ("7fff", ""),
    ("9f01819f02ffff", [1, [[2]]]),
    ("bf616101616202ff", {"a": 1, "b": 2}),
    ("a201010102", {1: 2}),  # a key twice
    ("c11a6925a270", datetime.datetime(2025, 11, 25, 12, 34, 56, tzinfo=UTC)),
    ("c1fb" + struct.pack(">d", 0x6925A270 + 0.5).hex(), datetime.datetime(2025, 11, 25, 12, 34, 56, 500000, tzinfo=UTC)),
    ("c120", datetime.datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ("d86419512e", datetime.date(2026, 11, 25)),  # days since 1970
    ("d8643863", datetime.date(1969, 9, 23)),
    ("d903ec6a323032362d31312d3235", datetime.date(2026, 11, 25)),
    ("c074323032362d31312d32355431323a33343a35365a", datetime.datetime(2026, 11, 25, 12, 34, 56, tzinfo=UTC)),
    ("d9d9f783010203", [1, 2, 3]),  # what says of itself that it is CBOR
    ("d9d9f705", 5),
]
#: What is no value: each is a codec error, and its bytes can be read.
REFUSED: List[str] = [
    "", "0102", "f6f6", "8001", "1c", "1f", "ff", "9f", "bf01ff", "a101", "81", "62c328", "63eda080", "7f6161", "5f6161ff",
    "9b7fffffffffffffff", "bb7fffffffffffffff", "9bffffffffffffffff", "5b7fffffffffffffff", "7b00000000ffffffff", "c0",
    "c000", "c06161", "c16161", "c1f97e00", "c11b7fffffffffffffff", "c2f6", "d8641b7fffffffffffffff", "d903ec00",
    "d903ec6131", "f818", "fc", "fb00", "f8", "c48201", "d81e820100", "d8236128", "d825420000", "d81d00", "81c0ff",
    "c073323032362d31312d32355431323a33343a3536",  # a time without a zone
]  # fmt: skip


class Matrix(Case):
    def test_every_value_is_read_from_its_bytes_and_written_as_them(self) -> None:
        c, table = self.cache(), lines()
        self.assertEqual(set(table), set(NATIVE))
        for name, line in table.items():
            with self.subTest(name=name):
                c._put_as("theirs", line.data, line.codec)
                self.assertTrue(same(c["theirs"], NATIVE[name]), c["theirs"])
                self.assertTrue(same(c.copy()["theirs"], NATIVE[name]))
                c["ours"] = NATIVE[name]
                self.assertEqual((c.metadata["ours"]["codec"], bytes(c.view("ours"))), (line.codec, line.data))

    def test_a_floating_point_number_is_written_in_64_bits_wherever_it_is(self) -> None:
        class Celsius(float):
            pass

        nan, inf, half = "fb7ff8000000000000", "fb7ff0000000000000", "fb3fe0000000000000"
        c = self.cache()
        for value, written in (
            ([math.inf, 0.5], "82" + inf + half),
            ({"\xf9": math.nan, b"\xf9\xfa": {"a": [math.inf]}}, "a262c3b9" + nan + "42f9faa1616181" + inf),
            (Celsius(math.inf), inf),
            ([b"\xf9\x7e\x00", "\xfa"], "8243f97e0062c3ba"),
        ):
            with self.subTest(value=value):
                c["k"] = value
                self.assertEqual(bytes(c.view("k")).hex(), written)

    def test_the_judge_tells_apart_what_equality_does_not(self) -> None:
        zone = datetime.timezone(datetime.timedelta(hours=1))
        moment = datetime.datetime(2026, 1, 1, 12, tzinfo=UTC)
        for a, b in ((1, 1.0), (True, 1), (0.0, -0.0), ("a", b"a"), ([1], [1.0]), ({1: 1}, {1: True}), ([1], [1, 2]),
                     ({"a": 1}, {"b": 1}), (moment, moment.astimezone(zone)), (None, False)):  # fmt: skip
            with self.subTest(a=a, b=b):
                self.assertFalse(same(a, b))
                self.assertTrue(same(a, a) and same(b, b))

    def test_what_others_may_write_is_read(self) -> None:
        c = self.cache()
        for text, value in READ:
            with self.subTest(cbor=text):
                c._put_as("k", bytes.fromhex(text), 2)
                self.assertTrue(same(c["k"], value), c["k"])

    def test_what_is_no_value_is_a_codec_error_and_its_bytes_can_be_read(self) -> None:
        c = self.cache()
        for text in REFUSED:
            with self.subTest(cbor=text):
                data = bytes.fromhex(text)
                c._put_as("k", data, 2)
                for read in (lambda: c["k"], lambda: c.get("k"), lambda: list(c.items()), lambda: c.get_or_load("k", int)):
                    with self.assertRaisesRegex(mccache.CodecError, r"view\(key\)"):
                        read()
                self.assertEqual(bytes(c.view("k")), data)
                with self.assertRaises(mccache.CodecError):
                    c.pop("k")

    def test_random_bytes_are_a_value_or_a_codec_error(self) -> None:
        import random

        dice, c, read = random.Random(20_261_125), self.cache(), 0
        seeds = [line.data for line in lines().values() if line.codec == 2]
        for step in range(20_000):
            data = bytearray(dice.choice(seeds))
            for _ in range(dice.randrange(1, 4)):
                at = dice.randrange(len(data) + 1)
                data[at : at + dice.randrange(2)] = bytes([dice.randrange(256)] * dice.randrange(3))
            c._put_as("k", bytes(data), 2)
            try:
                repr(c["k"])
                read += 1
            except mccache.CodecError:
                pass
            except Exception as error:
                self.fail(f"step {step}: {bytes(data).hex()}: {error!r}")
        self.assertTrue(1000 < read < 19_000, read)

    def test_nesting_is_read_as_deep_as_it_is_written(self) -> None:
        c = self.cache()
        for head, innermost in (("81", "80"), ("9f", "80"), ("a101", "a0"), ("d9010281", "d9010280")):
            tail = "ff" if head == "9f" else ""
            with self.subTest(head=head):
                if head != "d9010281":  # a set in a set is no set of Python's
                    c._put_as("k", bytes.fromhex(head * 199 + innermost + tail * 199), 2)
                    self.assertIsInstance(c["k"], (list, dict))
                for depth in (200, 1_000, 100_000):
                    c._put_as("k", bytes.fromhex(head * depth + innermost + tail * depth), 2)
                    with self.assertRaisesRegex(mccache.CodecError, "nested deeper than 200"):
                        c["k"]
        for depth in (1_000, 1_000_000):
            c._put_as("k", bytes.fromhex("c6" * depth + "00"), 2)
            with self.assertRaises(mccache.CodecError):
                c["k"]

    def test_text_that_is_not_utf8_is_a_codec_error(self) -> None:
        c = self.cache()
        for data in (b"\xff", b"\xed\xa0\x80", b"ok\xc3"):
            c._put_as("k", data, 1)
            with self.assertRaisesRegex(mccache.CodecError, "not UTF-8"):
                c["k"]
            self.assertEqual(bytes(c.view("k")), data)

    def test_a_shared_and_a_cyclic_value_of_others_keep_their_shape(self) -> None:
        c = self.cache()
        c._put_as("k", bytes.fromhex("d81c82f7d81d00"), 2)
        value = c["k"]
        self.assertIsNone(value[0])
        self.assertIs(value[1], value)

    def test_a_date_time_without_a_zone_is_refused(self) -> None:
        c = self.cache()
        for bad in (datetime.datetime(2026, 11, 25), [datetime.datetime(2026, 11, 25)]):
            with self.assertRaisesRegex(TypeError, "datetime|naive"):
                c["k"] = bad
        self.assertNotIn("k", c)

    def test_lone_surrogates_are_refused_wherever_they_are(self) -> None:
        c = self.cache()
        for bad in ("\ud800", ["\udfff"], {"a": "\ud800"}, {"\ud800": 1}):
            with self.subTest(value=repr(bad)), self.assertRaises(ValueError):
                c["k"] = bad
        self.assertEqual(len(c), 0)


if __name__ == "__main__":
    unittest.main()
