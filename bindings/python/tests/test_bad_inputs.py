"""Every line of tests/bad_inputs.tsv, and every call with arguments that nobody meant."""

import datetime
import inspect
import itertools
import tempfile
import threading
import unittest
from typing import Any, Callable, Dict, List, Type

import mccache
from matrix import found
from support import Case

ERRORS: Dict[str, Type[BaseException]] = {
    "type": TypeError,
    "invalid argument": ValueError,
    "too large": mccache.TooLargeError,
    "codec": mccache.CodecError,
    "config": mccache.ConfigError,
    "closed": mccache.ClosedError,
    "timeout": mccache.TimeoutError,
    "the loader's": ZeroDivisionError,
}
NAIVE = datetime.datetime(2026, 11, 25)


def nested(depth: int) -> List[Any]:
    value: List[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


class BadInputs(Case):
    def setUp(self) -> None:
        super().setUp()
        self.c = self.cache(max_value=100_000, cache_ttl=1000)
        self.c["before"] = "there"

    def reads(self, codec: int, *texts: str) -> List[Callable[[], Any]]:
        """What gets a value that another has put, of each of these bytes."""
        c = self.c

        def read(text: str) -> Any:
            c._put_as("theirs", bytes.fromhex(text), codec)
            try:
                return c["theirs"]
            finally:
                self.assertEqual(bytes(c.view("theirs")), bytes.fromhex(text))
                del c["theirs"]

        return [lambda text=text: read(text) for text in texts]

    def file(self, text: str) -> str:
        file = tempfile.NamedTemporaryFile("w", suffix=".toml")
        self.addCleanup(file.close)
        file.write(text)
        file.flush()
        return file.name

    def loads(self, loader: Any, **options: Any) -> Callable[[], Any]:
        """A load, after which the key must be free."""

        def load() -> None:
            try:
                self.c.get_or_load("loaded", loader, **options)
            finally:
                self.assertEqual(self.c.get_or_load("loaded", lambda: 1, timeout=0), 1)
                del self.c["loaded"]

        return load

    def calls(self) -> Dict[str, List[Callable[[], Any]]]:
        """By the names of the table."""
        c, node = self.c, self.c.node
        cycle: List[Any] = []
        cycle.append(cycle)
        puts: Callable[..., List[Callable[[], Any]]] = lambda *values: [
            each for value in values for each in (lambda: c.__setitem__("k", value), lambda: c.put("k", value, ttl=5),
                lambda: c.add("k", value), lambda: c.setdefault("k", value), lambda: c.update(k=value),
                lambda: c.get_or_load("k", lambda: value, timeout=0))
        ]  # fmt: skip
        keys: Callable[..., List[Callable[[], Any]]] = lambda *values: [
            each for key in values for each in (lambda: c[key], lambda: c.get(key), lambda: c.__setitem__(key, 1),
                lambda: c.delete(key), lambda: key in c, lambda: c.put(key, 1), lambda: c.add(key, 1), lambda: c.touch(key),
                lambda: c.view(key), lambda: c.pop(key, None), lambda: c.setdefault(key), lambda: c.metadata[key],
                lambda: c.get_or_load(key, lambda: 1))
        ]  # fmt: skip
        everything = [
            lambda: c["before"], lambda: c.get("before"), lambda: "before" in c, lambda: len(c), lambda: list(c), c.clear,
            lambda: c.__setitem__("k", 2), lambda: c.delete("k"), c.sync, c.checksum, c.stats, c.cluster_checksum, c.events,
            lambda: c.add("k", 1), lambda: c.touch("k"), lambda: c.view("k"), lambda: c.pop("k", None), c.copy,
            lambda: c.metadata["before"], lambda: c.get_or_load("k", lambda: 1), lambda: c.setdefault("k", 1), c.popitem,
        ]  # fmt: skip
        return {
            "key_of_wrong_type": keys(5, 1.5, True, [], ("a", "b"), object(), bytearray(b"k"), memoryview(b"k")),
            "key_of_nothing": keys(None),
            "key_too_long": keys("k" * 65_536, b"k" * 65_536, "é" * 32_768),
            "key_of_65535_bytes": [lambda: c.put("k" * 65_535, 1), lambda: c["k" * 65_535]],
            "key_empty": [lambda: c.put("", 1), lambda: c[b""]],
            "key_with_lone_surrogate": keys("\ud800", "a\udfff"),
            "value_of_wrong_type": puts(object(), len, threading.Lock(), c, node, type, ..., 1 .__add__, (i for i in ())),
            "value_with_wrong_type_inside": puts([1, {"a": object()}], {"a": [len]}, {"k": c}, [NotImplemented]),
            "value_too_large": puts(b"x" * 100_001, "é" * 50_001, ["x" * 100_000]),
            "value_with_lone_surrogate": puts("\ud800", ["\ud800"], {"\ud800": 1}, {"a": ["b", "\udfff"]}),
            "value_nested_201_deep": puts(nested(201), nested(10_000), {"a": nested(200)}),
            "value_that_contains_itself": puts(cycle, {"a": cycle}),
            "value_of_time_without_zone": puts(NAIVE, [NAIVE], datetime.time(1)),
            "read_of_malformed_cbor": self.reads(2, "", "ff", "1c", "81", "a101", "9f", "62c328", "9b7fffffffffffffff",
                                                 "5b7fffffffffffffff", "fb00", "c0"),
            "read_of_two_cbor_items": self.reads(2, "0102", "8001", "f6f6", "fb000000000000000000"),
            "read_of_cbor_nested_201_deep": self.reads(2, "81" * 200 + "80", "81" * 99_000 + "80", "9f" * 201 + "ff" * 201),
            "read_of_text_not_utf8": self.reads(1, "ff", "eda080", "6fc3"),
            "read_of_unknown_codec": self.reads(200, "", "00") + self.reads(255, "00"),
            "read_of_native_without_option": [read for codec in range(3, 7) for read in self.reads(codec, "80054e2e")],
            "native_without_key": [lambda: node.cache("native", native=True)],
            "cache_name_of_wrong_type": [lambda: node.cache(5), lambda: node.cache(None), lambda: node.cache(b"c")],
            "cache_name_empty": [lambda: node.cache("")],
            "cache_name_too_long": [lambda: node.cache("x" * 256), lambda: node.cache("é" * 128)],
            "cache_name_with_zero_byte": [lambda: node.cache("a\0b")],
            "setting_unknown": [lambda: mccache.Node(cache_tll=5), lambda: node.cache("s", cache_tll=5)],
            "setting_of_bad_value": [lambda: mccache.Node(cache_max="many"), lambda: node.cache("s", cache_max=-1),
                                     lambda: mccache.Node(cache_mode=""), lambda: node.cache("s", cache_ttl=float("nan"))],
            "setting_of_node_given_to_cache": [lambda: node.cache("s", cluster="other")],
            "setting_other_than_open": [lambda: node.cache("c", cache_ttl=61)],
            "config_file_missing": [lambda: mccache.Node(config_file="/nowhere.toml")],
            "config_file_wrong": [lambda: mccache.Node(config_file=self.file("cache_ttl = [")),
                                  lambda: mccache.Node(config_file=self.file("cache_tll = 5"))],
            "ttl_of_zero": [lambda: c.put("k", 1, ttl=0), lambda: c.add("k", 1, ttl=0), lambda: c.touch("before", ttl=0),
                            self.loads(lambda: 1, ttl=0)],
            "ttl_negative": [lambda: c.put("k", 1, ttl=-1), lambda: c.touch("before", ttl=datetime.timedelta(-1)),
                             self.loads(lambda: 1, ttl=-0.001), lambda: c.put("k", 1, ttl=float("nan"))],
            "ttl_of_wrong_type": [lambda: c.put("k", 1, ttl="60"), lambda: c.touch("before", ttl=b"1"),
                                  lambda: c.add("k", 1, ttl=True), self.loads(lambda: 1, ttl="60")],
            "ttl_too_long": [lambda: c.put("k", 1, ttl=1e300), lambda: c.touch("k", datetime.timedelta.max),
                             lambda: c.put("k", 1, ttl=float("inf")), lambda: c.put("k", 1, ttl=2**70)],
            "timeout_negative": [lambda: c.sync(-1), lambda: c.events().next(-1), lambda: node.wait_ready(-1),
                                 lambda: c.cluster_checksum(-1), lambda: node.cluster_metrics(-0.1),
                                 self.asking_itself(-1)],
            "timeout_of_wrong_type": [lambda: c.sync("soon"), lambda: c.events().next("1"), lambda: node.wait_ready(b""),
                                      lambda: c.cluster_checksum("1"), self.asking_itself("1")],
            "loader_of_wrong_type": [self.loads(None), self.loads(5), self.loads("text"), self.loads(lambda one: 1)],
            "loader_that_fails": [self.loads(lambda: 1 // 0)],
            "loader_of_bad_value": [self.loads(object), self.loads(lambda: [len])],
            "loader_that_asks_for_its_own_key": [self.asking_itself(0), self.asking_itself(0.01)],
            "listener_of_wrong_type": [lambda: node.cache("c", callback=5), lambda: node.cache("c", callback="print")],
            "closed_cache": [lambda use=use: (c.close(), use()) for use in everything],
            "closed_node": [lambda use=use: (node.close(), use()) for use in everything + [
                node.members, node.events, node.cluster_metrics, node.wait_ready, lambda: node.cache("another")]],
            "closed_events": [lambda: self.closed_events().next(1)],
            "closed_twice": [c.events().close, c.close, c.close, node.close, node.close, c.close],
            "iteration_while_closing": [lambda: next(iter(self.closing())), lambda: list(self.closing())],
        }  # fmt: skip

    def asking_itself(self, timeout: Any) -> Callable[[], Any]:
        c = self.c
        return self.loads(lambda: c.get_or_load("loaded", self.fail, timeout=timeout))

    def closed_events(self) -> mccache.Events:
        events = self.cache().events()
        events.close()
        return events

    def closing(self) -> Any:
        c = self.cache()
        c.update({f"k{i}": i for i in range(10)})
        iterator = iter(c)
        next(iterator)
        c.close()
        return iterator

    def test_every_line_of_the_table(self) -> None:
        table = [line.split("\t") for line in found("bad_inputs.tsv").splitlines() if line and not line.startswith("#")]
        calls = self.calls()
        self.assertEqual([name for name, _, _ in table], list(calls))
        for name, _, error in table:
            for number, call in enumerate(calls[name]):
                with self.subTest(name=name, call=number):
                    self.answers(call, error)
            if "closed" not in error and "closed" not in name:
                self.assertEqual(self.c["before"], "there")
                if error != "fine":
                    self.assertEqual(list(self.c), ["before"], name)
                self.c.clear()
                self.c["before"] = "there"

    def answers(self, call: Callable[[], Any], error: str) -> None:
        if error == "fine":
            call()
            return
        with self.assertRaises(ERRORS[error]) as raised:
            call()
        self.assertNotIsInstance(raised.exception, (mccache.InternalError, SystemError))
        self.assertTrue(str(raised.exception))

    def test_arguments_that_nobody_meant_end_in_an_error_or_an_answer(self) -> None:
        """Every public call with every one and two of these."""
        odd: List[Any] = [None, True, 0, -1, 2**70, 1.5, float("nan"), float("inf"), "", "k", "\ud800", b"", b"\xff", (), [], {},
                          object(), len, int, ..., self.c, datetime.timedelta(0), "x" * 70_000]  # fmt: skip
        allowed = (TypeError, ValueError, KeyError, AttributeError, OverflowError, mccache.Error)
        calls = 0
        for subject in (self.c, self.c.node, self.c.metadata, self.closed_events(), mccache.cached(self.c, name="f")(lambda x: x)):
            for name in sorted(dir(type(subject))):
                if name in ("close", "wake", "next_async", "get_or_load_async") or (name.startswith("_") and name not in SLOTS):
                    continue
                method = getattr(subject, name, None)
                if not callable(method):
                    continue
                for count in range(3):
                    for arguments in itertools.product(odd, repeat=count):
                        if name == "get_or_load" and count == 2 and callable(arguments[1]) is False:
                            continue
                        calls += 1
                        try:
                            result = method(*arguments)
                            if inspect.isgenerator(result):
                                result.close()
                        except allowed as error:
                            self.assertNotIsInstance(error, mccache.InternalError, (name, arguments))
                        except StopIteration:
                            pass
        self.assertGreater(calls, 10_000)
        self.c["after"] = 1
        self.assertEqual(self.c["after"], 1)


SLOTS = ("__getitem__", "__setitem__", "__delitem__", "__contains__", "__or__", "__ror__", "__eq__", "__call__", "__get__",
         "__len__", "__iter__", "__next__", "_lease", "_put_as", "_put", "_put_new", "_value", "_take", "_touch")  # fmt: skip


if __name__ == "__main__":
    unittest.main()
