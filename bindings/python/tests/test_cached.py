"""@cached: calls that may differ never share a key, and what cannot be told apart is refused."""

import asyncio
import datetime
import decimal
import enum
import inspect
import threading
import unittest
import uuid
from typing import Any, List

import mccache
from support import SOON_S, Case


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    ONE = 1


class Bits(enum.Flag):
    A = 1
    B = 2
    C = 4


class MyInt(int):
    pass


@mccache.cached("of a module")
def at_module_level(x: int) -> int:
    """Its own words."""
    return x + 1


class Cached(Case):
    def setUp(self) -> None:
        super().setUp()
        self.calls: List[Any] = []

    def counted(self, **options: Any) -> Any:
        @mccache.cached(self.cache(), name="f", **options)
        def f(x: Any, y: Any = 2, *, z: Any = None) -> Any:
            self.calls.append((x, y, z))
            return [x, y, z]

        return f

    def test_an_answer_is_kept_none_too(self) -> None:
        @mccache.cached(self.cache(), ttl=60, name="f")
        def f(x: int) -> None:
            self.calls.append(x)

        self.assertEqual([f(1), f(1), f(2)], [None] * 3)
        self.assertEqual(self.calls, [1, 2])
        self.assertLessEqual(f.cache.metadata[f.key(1)]["ttl"], 60)

    def test_calls_that_mean_the_same_have_one_key(self) -> None:
        f = self.counted()
        for call in (lambda: f(1), lambda: f(1, 2), lambda: f(x=1), lambda: f(y=2, x=1), lambda: f(1, z=None)):
            self.assertEqual(call(), [1, 2, None])
        self.assertEqual(self.calls, [(1, 2, None)])
        self.assertEqual(f.key(1), "f(1,2,None)")

        @mccache.cached(self.cache(), name="g")
        def g(a: Any, b: Any = 0) -> Any:
            return [a, b]

        self.assertEqual({g.key(1), g.key(1, 0), g.key(b=0, a=1)}, {"g(1,0)"})
        for bad in (lambda: g(), lambda: g(1, 2, 3), lambda: g(1, c=1), lambda: g(1, a=1)):
            with self.assertRaises(TypeError):
                bad()

    def test_arguments_that_differ_have_keys_that_differ(self) -> None:
        f = self.counted()
        naive = datetime.datetime(2026, 10, 25, 2, 30)
        zone = datetime.timezone(datetime.timedelta(hours=1))
        values: List[Any] = [
            None, True, False, 0, 1, 2**70, -1, 1.0, 0.0, -0.0, 1e300, float("inf"), float("nan"), "", "1", "None", "a,b",
            "a','b", "é", "\ud800", b"", b"1", (), (1,), (1, 2), ((1,), 2), [], [1], [1, 2], {}, {1: 2}, {"1": 2},
            {1: {2: 3}}, set(), {1}, frozenset(), frozenset({1}), {1, 2}, decimal.Decimal("1"), decimal.Decimal("1.0"),
            uuid.UUID(int=1), datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1), naive, naive.replace(fold=1),
            naive.replace(tzinfo=zone), datetime.timedelta(1), datetime.timedelta(2), Colour.RED, Colour.BLUE, Level.ONE,
            Bits.A, Bits.A | Bits.B, Bits.A | Bits.C, "Colour.RED", ["a", "b"], ["a,b"], ("a", ["b"]), "x" * 1000,
            "x" * 1001, [list(range(1000))], [list(range(1001))],
        ]  # fmt: skip
        keys = [f.key(value) for value in values]
        self.assertEqual(len(set(keys)), len(values), [key for key in keys if keys.count(key) > 1])
        self.assertNotEqual(f.key("a", "b"), f.key("a,'b'"))
        self.assertLess(max(map(len, keys)), 1000)

    def test_equal_dicts_and_sets_have_one_key(self) -> None:
        f = self.counted()
        self.assertEqual(f.key({"a": 1, "b": 2}), f.key({"b": 2, "a": 1}))
        self.assertEqual(f.key({"x", "y", "z"}), f.key({"z", "y", "x"}))

    def test_what_cannot_be_told_apart_is_refused_by_name(self) -> None:
        f = self.counted()
        cycle: List[Any] = []
        cycle.append(cycle)
        for bad, name in ((object(), "object"), (self, "Cached"), (len, "builtin"), ([object()], "object"),
                          (MyInt(1), "MyInt"), (int, "type"), (range(3), "range"), (bytearray(b"a"), "bytearray"),
                          ({1: object()}, "object"), (cycle, "contains itself")):  # fmt: skip
            for call in (lambda: f(bad), lambda: f.key(bad), lambda: f.invalidate(bad), lambda: f(1, z=bad)):
                with self.subTest(bad=name), self.assertRaisesRegex(TypeError, f"argument `[xz]` .*{name}.*key="):
                    call()
        self.assertEqual(self.calls, [])

    def test_functions_that_share_their_name_with_others_need_one(self) -> None:
        def inner() -> None: ...

        for function in (lambda: 1, inner):
            with self.assertRaisesRegex(TypeError, "cannot be told apart.*name="):
                mccache.cached()(function)
            self.assertEqual(mccache.cached(name="n")(function).key(), "n()")
            self.assertEqual(mccache.cached(key=lambda: "own")(function).key(), "own")
        self.assertEqual(at_module_level.key(5), f"{__name__}.at_module_level(5)")

    def test_a_key_function_makes_the_whole_key(self) -> None:
        f = self.counted(key=lambda x, y=2, z=None: f"own:{x}")
        self.assertEqual((f(1), f(1, 5)), ([1, 2, None], [1, 2, None]))
        self.assertEqual((f.key(1), list(f.cache)), ("own:1", ["own:1"]))
        bad = self.counted(key=lambda x: x)
        with self.assertRaisesRegex(TypeError, "keys are str or bytes"):
            bad(1)

    def test_invalidate_deletes_on_every_member(self) -> None:
        a, b = self.cache(), self.cache()
        f = mccache.cached(a, name="f")(lambda x: self.calls.append(x))
        f(1)
        f(2)
        self.eventually(lambda: f.key(1) in b)
        self.assertTrue(f.invalidate(x=1))
        self.assertFalse(f.invalidate(1))
        self.eventually(lambda: f.key(1) not in b)
        f(1)
        f(2)
        self.assertEqual(self.calls, [1, 2, 1])

    def test_invalidating_while_it_runs_keeps_the_older_answer_out(self) -> None:
        c = self.cache()
        f = mccache.cached(c, name="f")(lambda x: (f.invalidate(x), "older")[1])
        self.assertEqual(f(1), "older")
        self.assertEqual(len(c), 0)

    def test_async_functions(self) -> None:
        @mccache.cached(self.cache(), name="f")
        async def f(x: int) -> int:
            self.calls.append(x)
            await asyncio.sleep(0.01)
            return x * 2

        async def story() -> None:
            self.assertEqual(await asyncio.gather(*[f(i % 3) for i in range(30)]), [i % 3 * 2 for i in range(30)])
            self.assertTrue(f.invalidate(1))
            self.assertEqual(await f(1), 2)

        asyncio.run(story())
        self.assertEqual(sorted(self.calls), [0, 1, 1, 2])
        self.assertTrue(inspect.iscoroutinefunction(f) or inspect.iscoroutinefunction(f.__call__))
        self.assertIsInstance(f, mccache.CachedCoroutine)

    def test_methods_take_a_key_of_what_tells_their_object(self) -> None:
        calls, c = self.calls, self.cache()

        class Shop:
            def __init__(self, name: str) -> None:
                self.name = name

            @mccache.cached(c, key=lambda self, x: f"{self.name}:{x}")
            def price(self, x: int) -> str:
                """What it costs."""
                calls.append((self.name, x))
                return f"{self.name} {x}"

            @mccache.cached(c, name="bare")
            def bare(self) -> None: ...

        a, b = Shop("a"), Shop("b")
        self.assertEqual([a.price(1), b.price(1), a.price(1)], ["a 1", "b 1", "a 1"])
        self.assertEqual(len(calls), 2)
        self.assertEqual((a.price.key(a, 1), a.price.invalidate(a, 1), a.price.__doc__), ("a:1", True, "What it costs."))
        with self.assertRaisesRegex(TypeError, "argument `self` is of type .*Shop"):
            a.bare()

    def test_it_looks_like_the_function(self) -> None:
        self.assertEqual(
            (at_module_level.__name__, at_module_level.__doc__, at_module_level.__module__, at_module_level.__wrapped__(1)),
            ("at_module_level", "Its own words.", __name__, 2),
        )
        self.assertEqual(str(inspect.signature(at_module_level)), "(x: int) -> int")
        self.assertIn("at_module_level", repr(at_module_level))

    def test_a_cache_by_its_name_is_opened_by_the_first_call_and_again_once_closed(self) -> None:
        self.own_node()
        f = mccache.cached("by name", name="f")(lambda x: x)
        self.assertEqual(f(1), 1)
        first = f.cache
        self.assertIs(first, mccache.get_cache("by name"))
        first.close()
        self.assertEqual(f(2), 2)
        self.assertIsNot(f.cache, first)
        f.cache.node.close()
        self.assertEqual(f(3), 3)
        self.assertIs(mccache.cached(name="g")(len).cache, mccache.get_cache())
        closed = self.cache()
        closed.close()
        with self.assertRaises(mccache.ClosedError):
            mccache.cached(closed, name="f")(lambda: 1)()

    def test_decorating_opens_nothing(self) -> None:
        self.succeeds(
            """
import mccache, threading, os
@mccache.cached("c")
def f(): return 1
assert len(os.listdir("/proc/self/task")) == 1
assert f() == 1 and f.key() == "__main__.f()"
"""
        )

    def test_bad_options(self) -> None:
        with self.assertRaisesRegex(TypeError, "parentheses"):
            mccache.cached(len)
        with self.assertRaisesRegex(TypeError, "cache: expected a Cache"):
            mccache.cached(5)
        with self.assertRaisesRegex(TypeError, "key: expected a function"):
            mccache.cached("c", key="k")

    def test_a_function_that_does_not_tell_its_arguments_needs_a_key(self) -> None:
        with self.assertRaisesRegex(TypeError, "no signature.*key="):
            mccache.cached(name="s")(str)
        self.assertEqual(mccache.cached(self.cache(), key=lambda x: f"s{x}")(str)(5), "5")

    def test_threads_call_it_once(self) -> None:
        begun = threading.Barrier(4)
        f = mccache.cached(self.cache(), name="f")(lambda: self.calls.append(1))
        threads = [threading.Thread(target=lambda: (begun.wait(), f())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON_S)
        self.assertEqual(self.calls, [1])


if __name__ == "__main__":
    unittest.main()
