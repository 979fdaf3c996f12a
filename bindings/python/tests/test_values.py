"""What can be stored, and in what shape it comes back."""

import datetime
import decimal
import enum
import fractions
import ipaddress
import unittest
import uuid
from typing import Any, List, NamedTuple

import mccache
from support import Case


class Colour(enum.IntEnum):
    RED = 1


class Point(NamedTuple):
    x: int
    y: int


class Text(str):
    pass


class Values(Case):
    def test_values_around_the_length_that_is_copied_come_back_and_count_once(self) -> None:
        c = self.alone()
        for length in (0, 1, 1023, 1024, 1025, 5000):
            for value in (b"\xff" * length, "x" * length, ["x" * length]):
                with self.subTest(length=length, type=type(value).__name__):
                    c["k"] = value
                    before = c.stats()
                    self.assertEqual((c["k"], c.get("k")), (value, value))
                    after = c.stats()
                    self.assertEqual((after.hits - before.hits, after.misses - before.misses), (2, 0))

    def test_bytes_text_and_cbor_come_back_as_they_were(self) -> None:
        c = self.cache()
        zone = datetime.timezone(datetime.timedelta(hours=2))
        for value in (
            b"bytes", "text", None, True, 1, -5, 1.25, [1, [2]], {"k": 1, 2: "v"}, {1, 2}, b"\0" * 1000, 2**200,
            datetime.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=zone), datetime.date(2024, 2, 29),
            decimal.Decimal("1.10"), fractions.Fraction(1, 3), uuid.UUID(int=7), ipaddress.ip_address("192.0.2.7"),
        ):  # fmt: skip
            with self.subTest(value=value):
                c["k"] = value
                self.assertEqual(c["k"], value)
                self.assertIs(type(c["k"]), type(value))

    def test_what_comes_back_in_another_shape(self) -> None:
        c = self.cache()
        for value, back in (
            ((1, 2), [1, 2]),
            (Point(1, 2), [1, 2]),
            (bytearray(b"ab"), b"ab"),
            (memoryview(b"abc"), b"abc"),
            (memoryview(b"abcdef")[::2], b"ace"),
            (Text("t"), "t"),
            (Colour.RED, 1),
        ):
            with self.subTest(value=value):
                c["k"] = value
                self.assertEqual(c["k"], back)
                self.assertIs(type(c["k"]), type(back))

    def test_a_type_that_cannot_be_stored_is_named_and_changes_nothing(self) -> None:
        c = self.cache()
        c["k"] = "before"
        for bad, name in (
            (object(), "object"),
            ([1, {"a": object()}], "object"),
            (lambda: None, "function"),
            (Values, "type"),
            (threading_lock(), "lock"),
            (datetime.datetime(2024, 1, 1), "datetime"),
        ):
            with self.subTest(name=name), self.assertRaisesRegex(TypeError, name):
                c["k"] = bad
        self.assertEqual(c["k"], "before")

    def test_nesting_is_bounded_and_cycles_are_refused(self) -> None:
        c = self.cache()
        c["k"] = nested(200)
        self.assertEqual(c["k"], nested(200))
        cycle: List[Any] = []
        cycle.append(cycle)
        for bad in (nested(201), nested(100_000), cycle):
            with self.assertRaisesRegex(mccache.CodecError, "nested deeper than 200"):
                c["k"] = bad
        self.assertEqual(c["k"], nested(200))

    def test_text_that_is_no_utf8_is_refused(self) -> None:
        c = self.cache()
        with self.assertRaises(UnicodeEncodeError):
            c["k"] = "\ud800"
        with self.assertRaises(UnicodeEncodeError):
            c["\ud800"] = 1
        with self.assertRaises(ValueError):
            c["k"] = ["\ud800"]
        self.assertEqual(len(c), 0)

    def test_a_view_is_the_value_without_a_copy_and_outlives_it(self) -> None:
        c = self.cache()
        value = bytes(range(256)) * 64
        c["k"] = value
        view = c.view("k")
        self.assertTrue(view.readonly)
        self.assertEqual(view, value)
        del c["k"]
        c.close()
        c.node.close()
        self.assertEqual(view, value)
        with self.assertRaises(TypeError):
            view[0] = 1

    def test_a_view_of_nothing_is_a_key_error(self) -> None:
        with self.assertRaises(KeyError):
            self.cache().view("nobody")

    def test_a_writer_may_change_its_buffer_afterwards(self) -> None:
        c = self.cache()
        buffer = bytearray(b"before")
        c["k"] = buffer
        buffer[:] = b"after!"
        buffer.append(1)
        self.assertEqual(c["k"], b"before")

    def test_setdefault_answers_what_readers_will_see(self) -> None:
        c = self.cache()
        self.assertEqual(c.setdefault("k", (1, 2)), [1, 2])
        self.assertEqual(c["k"], [1, 2])


def nested(depth: int) -> List[Any]:
    value: List[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def threading_lock() -> Any:
    import threading

    return threading.Lock()


if __name__ == "__main__":
    unittest.main()
