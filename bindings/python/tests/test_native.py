"""Pickles: off, and on where a program asks for it and the cluster has a key."""

import datetime
import os
import unittest
from typing import Any, List

import mccache
from support import Case

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


class Thing:
    """What CBOR does not carry."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing) and other.value == self.value


class Bomb:
    """What runs code when it is read."""

    def __reduce__(self) -> Any:
        return os.putenv, ("MCCACHE_TEST_BOMB", "1")


class Native(Case):
    def with_key(self) -> mccache.Node:
        return self.node(crypto_key=KEY, interface="127.0.0.1")

    def test_without_the_option_nothing_is_pickled(self) -> None:
        c = self.with_key().cache("c")
        self.assertFalse(c.native)
        with self.assertRaisesRegex(TypeError, "Thing.*native=True"):
            c["k"] = Thing(1)
        self.assertNotIn("k", c)

    def test_with_it_others_are_pickled_and_what_cbor_carries_is_not(self) -> None:
        c = self.with_key().cache("c", native=True)
        self.assertTrue(c.native)
        cycle: List[Any] = []
        cycle.append(cycle)
        deep: List[Any] = []
        for _ in range(300):
            deep = [deep]
        for value, codec in (
            (b"b", 0), ("t", 1), (5, 2), ([1], 2), ((1,), 2), (Thing([1, Thing(2)]), 3), ({"a": Thing(1)}, 3), (deep, 3),
            (datetime.datetime(2026, 11, 25), 3), (["\ud800"], 3), (Thing, 3), (range, 3),
        ):  # fmt: skip
            with self.subTest(codec=codec):
                c["k"] = value
                self.assertEqual(c.metadata["k"]["codec"], codec)
                self.assertEqual(c["k"], [1] if value == (1,) else value)
                self.assertEqual(c.copy()["k"], c.get("k"))
        c["k"] = cycle
        self.assertIsInstance(c["k"][0][0][0], list)
        self.assertEqual(c.get_or_load("l", lambda: Thing(5)), Thing(5))
        self.assertEqual((c.setdefault("m", Thing(6)), c.pop("m")), (Thing(6), Thing(6)))

    def test_what_cannot_be_pickled_is_a_type_error_and_changes_nothing(self) -> None:
        c = self.with_key().cache("c", native=True)
        c["k"] = "before"
        for bad in (lambda: None, open(os.devnull), (i for i in ())):
            with self.assertRaisesRegex(TypeError, "neither be stored as CBOR nor pickled"):
                c["k"] = bad
            if hasattr(bad, "close"):
                bad.close()
        self.assertEqual(c["k"], "before")

    def test_another_member_reads_it_with_the_option_only(self) -> None:
        a = self.with_key().cache("c", native=True)
        b, plain = self.with_key().cache("c", native=True), self.with_key().cache("c")
        a["k"] = Thing("for all")
        self.eventually(lambda: "k" in b and "k" in plain)
        self.assertEqual(b["k"], Thing("for all"))
        data = bytes(b.view("k"))
        for read in (lambda: plain["k"], lambda: plain.get("k"), lambda: plain.copy(), lambda: plain.pop("k"),
                     lambda: plain.get_or_load("k", self.fail)):  # fmt: skip
            plain._put_as("k", data, 3)
            with self.assertRaisesRegex(mccache.CodecError, r"codec 3 \(pickle\).*native=True.*view\(key\)"):
                read()
        plain._put_as("k", b"x", 3)
        self.assertEqual(bytes(plain.view("k")), b"x")

    def test_nothing_runs_without_the_option(self) -> None:
        import pickle

        c = self.with_key().cache("c")
        c._put_as("k", pickle.dumps(Bomb()), 3)
        with self.assertRaises(mccache.CodecError):
            c["k"]
        self.assertNotIn("MCCACHE_TEST_BOMB", os.environ)

    def test_a_node_without_a_key_refuses_the_option(self) -> None:
        node = self.node()
        with self.assertRaisesRegex(mccache.ConfigError, "crypto_key.*mccache keygen"):
            node.cache("c", native=True)
        self.assertEqual(node.caches(), [])
        self.assertFalse(node.cache("c", native=False).native)
        self.assertIsNone(self.with_key().setting("crypto_key"))

    def test_an_open_cache_keeps_what_it_was_opened_with(self) -> None:
        node = self.with_key()
        on, off = node.cache("on", native=True), node.cache("off")
        self.assertIs(node.cache("on"), on)
        self.assertIs(node.cache("on", native=True), on)
        for name, native in (("on", False), ("off", True)):
            with self.assertRaisesRegex(mccache.InvalidArgumentError, "open already"):
                node.cache(name, native=native)
        self.assertEqual((on.native, off.native), (True, False))
        for bad in (1, "yes", 0):
            with self.assertRaisesRegex(TypeError, "native: expected True or False"):
                node.cache("c", native=bad)
        watched = node.cache("watched", callback=print, native=True)
        watched["k"] = Thing(1)
        self.assertEqual((watched["k"], watched.native), (Thing(1), True))

    def test_damaged_pickles_and_other_languages_are_codec_errors(self) -> None:
        c = self.with_key().cache("c", native=True)
        for data in (b"", b"x", b"\x80\x05", b"cno_such_module\nx\n.", b"(lp0\n", b"." * 100):
            c._put_as("k", data, 3)
            with self.subTest(data=data), self.assertRaisesRegex(mccache.CodecError, "not readable pickle"):
                c["k"]
        for codec, name in ((4, "Marshal"), (5, "Java"), (6, "BinaryFormatter"), (7, "codec 7"), (255, "codec 255")):
            c._put_as("k", b"x", codec)
            with self.subTest(codec=codec), self.assertRaisesRegex(mccache.CodecError, name):
                c["k"]


if __name__ == "__main__":
    unittest.main()
