"""The smoke test that every language has: the same names in the same order."""

import gc
import unittest

import mccache
from matrix import NATIVE, lines, same
from mccache import _mccache
from support import Case

ROUNDS = 100_000
#: What 100,000 rounds may add to the resident set: less than one byte a round would.
LEAK_MAX_BYTES = 8 * 1024 * 1024


def resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * 4096


class Smoke(Case):
    def test_01_versions_agree(self) -> None:
        self.assertEqual(_mccache.abi_version(), _mccache.ABI_VERSION)
        self.assertRegex(mccache.__version__, r"^\d+\.\d+\.\d+")

    def test_02_put_get_del(self) -> None:
        c = self.cache()
        c["k"] = b"v"
        self.assertEqual(c["k"], b"v")
        self.assertIn("k", c)
        self.assertEqual(len(c), 1)
        c["k"] = b"w"
        self.assertEqual(c["k"], b"w")
        del c["k"]
        self.assertNotIn("k", c)
        self.assertEqual(len(c), 0)

    def test_03_zero_byte_in_key_and_value(self) -> None:
        c = self.cache()
        c["a\0b"] = b"1\x002"
        c["a"] = b"other"
        self.assertEqual(c["a\0b"], b"1\x002")
        self.assertEqual(c[b"a\0b"], b"1\x002")
        self.assertEqual(sorted(c), ["a", "a\0b"])

    def test_04_astral_character(self) -> None:
        c = self.cache()
        c["\U0001f980"] = "\U0001d11e"
        self.assertEqual(c["\U0001f980"], "\U0001d11e")
        self.assertEqual(c["\U0001f980".encode()], "\U0001d11e")
        self.assertEqual(list(c), ["\U0001f980"])

    def test_05_empty_value(self) -> None:
        c = self.cache()
        c["bytes"], c["text"], c[""] = b"", "", b"of the empty key"
        self.assertEqual((c["bytes"], c["text"], c[""]), (b"", "", b"of the empty key"))

    def test_06_large_value(self) -> None:
        c = self.cache()
        value = bytes(range(256)) * 4096
        c["k"] = value
        self.assertEqual(c["k"], value)

    def test_07_missing_key(self) -> None:
        c = self.cache()
        with self.assertRaises(KeyError) as raised:
            c["nobody"]
        self.assertEqual(raised.exception.args, ("nobody",))
        with self.assertRaises(KeyError):
            del c[b"nobody"]
        self.assertIsNone(c.get("nobody"))
        self.assertEqual(c.get("nobody", 3), 3)

    def test_08_ttl(self) -> None:
        c = self.cache()
        c.put("short", 1, ttl=0.05)
        c.put("long", 2, ttl=3600)
        c.put("ever", 3, ttl=float("inf"))
        self.assertTrue(c.metadata["long"]["ttl"] > 3500)
        self.assertIsNone(c.metadata["ever"]["ttl"])
        self.eventually(lambda: "short" not in c, "the end of its time")
        self.assertEqual((c.get("short"), c["long"], c["ever"]), (None, 2, 3))

    def test_09_iteration(self) -> None:
        c = self.cache()
        expected = {f"k{i}": i for i in range(1000)}
        c.update(expected)
        self.assertEqual(sorted(c), sorted(expected))
        self.assertEqual(dict(c), expected)

    def test_10_bad_argument(self) -> None:
        c = self.cache()
        for bad in (1, None, ("a", "b"), 1.5, bytearray(b"k")):
            with self.subTest(key=bad), self.assertRaisesRegex(TypeError, "keys are str or bytes, not"):
                c[bad] = 1
        with self.assertRaises(mccache.TooLargeError):
            c["k" * 65_536] = 1
        self.assertEqual(len(c), 0)

    def test_11_two_nodes_put_on_one_read_on_the_other(self) -> None:
        a, b = self.cache(), self.cache()
        a["k"] = {"list": [1, 2.5, None, True, b"bytes", "text"]}
        self.eventually(lambda: "k" in b, "the put's arrival")
        self.assertEqual(b["k"], {"list": [1, 2.5, None, True, b"bytes", "text"]})

    def test_12_delete_on_one_gone_on_the_other(self) -> None:
        a, b = self.cache(), self.cache()
        a["k"] = 1
        self.eventually(lambda: "k" in b, "the put's arrival")
        del b["k"]
        self.eventually(lambda: "k" not in a, "the delete's arrival")

    def test_13_event_arrives(self) -> None:
        a, b = self.cache(), self.cache()
        with b.events() as events:
            a["k"] = 1
            event = events.next(timeout=20)
        self.assertIsNotNone(event)
        self.assertEqual((event.kind, event.local, event.cache, event.key), (mccache.EventKind.PUT, False, "c", "k"))
        self.assertEqual(event.member, a.node.name)
        self.assertEqual(event.version, a.metadata["k"]["version"])

    def test_14_use_after_close(self) -> None:
        c = self.cache()
        c["k"] = 1
        view = c.view("k")
        c.close()
        uses = (
            lambda: c["k"], lambda: c.get("k"), lambda: "k" in c, lambda: len(c), lambda: list(c), lambda: c.clear(),
            lambda: c.__setitem__("k", 2), lambda: c.__delitem__("k"), lambda: c.sync(), lambda: c.checksum(),
            lambda: c.pop("k", None), lambda: c.touch("k"), lambda: c.metadata["k"], lambda: c.events(),
        )  # fmt: skip
        for number, use in enumerate(uses):
            with self.subTest(number), self.assertRaises(mccache.ClosedError):
                use()
        self.assertEqual(bytes(view), b"\x01")
        self.assertIn("closed", repr(c))

    def test_15_double_close(self) -> None:
        c = self.cache()
        c.close()
        c.close()
        c.node.close()
        c.node.close()
        c.close()

    def test_16_no_leak_over_100000_rounds(self) -> None:
        c = self.cache()

        def rounds(count: int) -> None:
            for i in range(count):
                key = f"key-{i % 10}"
                c[key] = b"x" * 100
                c[key]
                c["n"] = i
                c["n"]
                c.get("nobody")
                c.view(key)
                try:
                    c["nobody"]
                except KeyError:
                    pass
                if i % 100 == 0:
                    c["o"] = [i, {"a": None}]
                    c["o"], c.metadata["o"], list(c), c.stats()
                    with self.assertRaises(TypeError):
                        c["o"] = object()
            gc.collect()

        rounds(ROUNDS // 10)
        before = resident_bytes()
        rounds(ROUNDS)
        self.assertLess(resident_bytes() - before, LEAK_MAX_BYTES)

    def test_17_values_of_other_languages_are_read_back_equal(self) -> None:
        """The bytes of tests/values.tsv are what a writer in any language puts."""
        c, table = self.cache(), lines()
        self.assertEqual(set(table), set(NATIVE))
        for name, line in table.items():
            with self.subTest(name=name):
                c._put_as("k", line.data, line.codec)
                self.assertTrue(same(c["k"], NATIVE[name]), c["k"])


if __name__ == "__main__":
    unittest.main()
