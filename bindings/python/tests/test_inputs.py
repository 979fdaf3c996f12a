"""Bad input gets a clear error of the right class, and changes nothing."""

import datetime
import math
import pickle
import unittest
from pathlib import Path

import mccache
from support import Case


class Settings(Case):
    def test_an_unknown_setting_is_named_with_the_nearest_known_one(self) -> None:
        with self.assertRaisesRegex(mccache.ConfigError, "cache_tll.*cache_ttl"):
            mccache.Node(cluster=self.cluster, cache_tll=5)

    def test_a_bad_value_is_told_with_what_is_accepted(self) -> None:
        with self.assertRaisesRegex(mccache.ConfigError, "cache_max"):
            mccache.Node(cluster=self.cluster, cache_max="many")

    def test_a_setting_of_a_node_is_not_passed_over_by_a_cache(self) -> None:
        node = self.node()
        with self.assertRaisesRegex(mccache.ConfigError, "`cluster`.*settings of caches"):
            node.cache("c", cluster="other")
        with self.assertRaisesRegex(mccache.ConfigError, "no_such"):
            node.cache("c", no_such=1)
        self.assertEqual(node.caches(), [])

    def test_a_cache_has_settings_of_its_own(self) -> None:
        node = self.node(cache_ttl=1000)
        short = node.cache("short", cache_ttl=datetime.timedelta(seconds=60))
        short["k"] = 1
        self.assertLessEqual(short.metadata["k"]["ttl"], 60)
        plain = node.cache("plain")
        plain["k"] = 1
        self.assertGreater(plain.metadata["k"]["ttl"], 900)
        self.assertIs(node.cache("short", cache_ttl=60), short)
        with self.assertRaisesRegex(mccache.InvalidArgumentError, "`short` is open with other settings"):
            node.cache("short", cache_ttl=61)

    def test_a_duration_means_the_same_in_a_setting_of_minutes(self) -> None:
        node = self.node(cache_pulse=datetime.timedelta(seconds=90), cache_ttl=datetime.timedelta(seconds=1.5))
        self.assertEqual((node.setting("cache_pulse"), node.setting("cache_ttl")), ("1.5", "1.5"))

    def test_settings_come_from_a_file_too(self) -> None:
        import tempfile

        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "mccache.toml"
            path.write_text("cache_ttl = 77\n")
            c = self.node(config_file=path).cache("c")
            c["k"] = 1
            self.assertLessEqual(c.metadata["k"]["ttl"], 77)
        with self.assertRaisesRegex(mccache.ConfigError, "nowhere.toml"):
            mccache.Node(cluster=self.cluster, config_file="/nowhere.toml")

    def test_a_setting_of_no_known_type_is_a_type_error(self) -> None:
        with self.assertRaisesRegex(TypeError, "cache_ttl.*not list"):
            mccache.Node(cluster=self.cluster, cache_ttl=[5])


class Names(Case):
    def test_names_of_caches(self) -> None:
        node = self.node()
        for bad in (5, b"c", None):
            with self.subTest(name=bad), self.assertRaisesRegex(TypeError, "a cache's name is a str"):
                node.cache(bad)
        for bad in ("", "a\0b", "x" * 256, "\ud800"):
            with self.subTest(name=bad), self.assertRaises(ValueError):
                node.cache(bad)
        self.assertEqual(node.cache("\U0001f980").name, "\U0001f980")

    def test_one_name_is_one_object(self) -> None:
        self.own_node()
        self.assertIs(mccache.get_cache("a"), mccache.get_cache("a"))
        self.assertIs(mccache.get_cache(), mccache.get_cache("mccache"))
        self.assertIs(mccache.get_cache(None), mccache.get_cache(""))
        self.assertIsNot(mccache.get_cache("a"), mccache.get_cache("b"))

    def test_a_closed_cache_and_a_closed_node_are_opened_anew(self) -> None:
        self.own_node()
        first = mccache.get_cache("a")
        first["k"] = 1
        first.close()
        again = mccache.get_cache("a")
        self.assertIsNot(again, first)
        again["k"] = 2
        again.node.close()
        anew = mccache.get_cache("a")
        anew["k"] = 3
        self.assertEqual(anew["k"], 3)
        self.assertIsNot(anew.node, again.node)


class Times(Case):
    def test_ttl(self) -> None:
        c = self.cache()
        for bad in (0, -1, -math.inf):
            with self.subTest(ttl=bad), self.assertRaisesRegex(ValueError, "above 0 seconds"):
                c.put("k", 1, ttl=bad)
        with self.assertRaises(ValueError):
            c.put("k", 1, ttl=math.nan)
        for bad in ("5", True, b"1", [1]):
            with self.subTest(ttl=bad), self.assertRaisesRegex(TypeError, "seconds"):
                c.put("k", 1, ttl=bad)
        self.assertNotIn("k", c)
        c.put("k", 1, ttl=datetime.timedelta(hours=1))
        c.put("l", 1, ttl=1e300)
        self.assertAlmostEqual(c.metadata["k"]["ttl"], 3600, delta=60)
        self.assertIsNone(c.metadata["l"]["ttl"])

    def test_touch_gives_a_new_time_and_tells_whether_there_was_an_entry(self) -> None:
        c = self.cache()
        self.assertFalse(c.touch("k", ttl=5))
        c.put("k", b"v", ttl=5)
        self.assertTrue(c.touch("k", ttl=5000))
        self.assertGreater(c.metadata["k"]["ttl"], 4000)
        self.assertEqual(c["k"], b"v")

    def test_timeouts(self) -> None:
        c = self.cache()
        with self.assertRaisesRegex(ValueError, "negative"):
            c.sync(timeout=-1)
        with self.assertRaises(TypeError):
            c.sync(timeout="soon")
        c.sync(timeout=None)
        with self.assertRaises(ValueError):
            c.node.wait_ready(timeout=-1)


class Handles(Case):
    def test_handles_cannot_be_pickled(self) -> None:
        c = self.cache()
        for handle in (c, c.node):
            with self.assertRaisesRegex(TypeError, "cannot be pickled"):
                pickle.dumps(handle)

    def test_an_object_that_was_never_initialized_raises_and_does_not_crash(self) -> None:
        c = mccache.Cache.__new__(mccache.Cache)
        for use in (lambda: c["k"], lambda: len(c), lambda: list(c), lambda: c.__setitem__("k", 1), lambda: "k" in c):
            with self.assertRaises(mccache.InvalidArgumentError):
                use()
        del c

    def test_get_takes_one_or_two_arguments(self) -> None:
        c = self.cache()
        for arguments in ((), ("a", 1, 2)):
            with self.assertRaises(TypeError):
                c.get(*arguments)
        with self.assertRaises(TypeError):
            c.get(5)

    def test_errors_are_the_builtins_they_stand_for(self) -> None:
        for error, builtin in (
            (mccache.InvalidArgumentError, ValueError), (mccache.TooLargeError, ValueError),
            (mccache.ConfigError, ValueError), (mccache.CodecError, ValueError), (mccache.TimeoutError, TimeoutError),
            (mccache.NetworkError, OSError), (mccache.InternalError, RuntimeError),
        ):  # fmt: skip
            self.assertTrue(issubclass(error, builtin) and issubclass(error, mccache.Error), error)

    def test_a_value_over_the_limit_is_too_large_and_changes_nothing(self) -> None:
        c = self.cache(max_value=1000)
        c["k"] = b"before"
        with self.assertRaisesRegex(mccache.TooLargeError, "1001.*1000"):
            c["k"] = b"x" * 1001
        self.assertEqual(c["k"], b"before")


class OriginalNames(Case):
    """The functions that McCache for Python has, with its shapes."""

    def test_metadata(self) -> None:
        c = self.cache()
        c["k"] = b"value"
        known = c.metadata["k"]
        self.assertEqual(set(known), {"tsm", "crc", "lkp", "version", "age", "ttl", "size", "weight", "codec"})
        self.assertLess(abs(known["tsm"] / 1e9 - datetime.datetime.now().timestamp()), 60)
        self.assertEqual((known["size"], known["codec"], known["lkp"]), (5, 0, 0))
        self.assertGreaterEqual(known["weight"], 6)
        self.assertIn("k", c.metadata)
        self.assertEqual(list(c.metadata), ["k"])
        self.assertEqual(set(c.metadata.copy()), {"k"})
        with self.assertRaises(KeyError):
            c.metadata["nobody"]
        c["k"] = b"other"
        self.assertNotEqual(c.metadata["k"]["crc"], known["crc"])
        self.assertNotEqual(c.metadata["k"]["version"], known["version"])

    def test_local_metrics(self) -> None:
        self.own_node()
        c = mccache.get_cache("demo")
        c["k"] = 1
        c["k"], c.get("nobody")
        metrics = mccache.get_local_metrics("demo")
        self.assertEqual(set(metrics), {"process", "mqueue", "node", "demo"})
        demo = metrics["demo"]
        self.assertEqual((demo["count"], demo["lookups"], demo["misses"], demo["evicts"]), (1, 1, 1, 0))
        self.assertEqual((demo["puts"], demo["deletes"]), (1, 0))
        self.assertEqual((metrics["node"]["cache_puts"], metrics["node"]["cache_deletes"]), (1, 0))
        self.assertGreater(demo["size"], 0)
        self.assertGreater(metrics["process"]["meminfo"]["rss"], 0)
        self.assertIn("datagrams_sent", metrics["node"])
        mccache.get_cache("other")
        self.assertLessEqual({"demo", "other"}, set(mccache.get_local_metrics()))

    def test_local_checksum(self) -> None:
        self.own_node()
        c = mccache.get_cache("demo")
        c.update(a=1, b=2)
        checksums = mccache.get_local_checksum("demo")
        self.assertEqual(list(checksums), ["a", "b"])
        self.assertEqual(set(checksums["a"]), {"crc", "tsm"})
        self.assertNotEqual(checksums["a"]["crc"], checksums["b"]["crc"])
        self.assertEqual(list(mccache.get_local_checksum("demo", "b")), ["b"])
        self.assertEqual(mccache.get_local_checksum("demo", "nobody"), {})

    def test_clear_cache(self) -> None:
        self.own_node()
        a, b = mccache.get_cache("a"), mccache.get_cache("b")
        a["k"] = b["k"] = 1
        mccache.clear_cache("a")
        self.assertEqual((len(a), len(b)), (0, 1))
        mccache.clear_cache()
        self.assertEqual((len(a), len(b)), (0, 0))


if __name__ == "__main__":
    unittest.main()
