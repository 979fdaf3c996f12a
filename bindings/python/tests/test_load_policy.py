"""What is served when a load fails, takes long, or could be early; for threads and coroutines."""

import asyncio
import threading
import time
import unittest
from typing import Any, Callable

import mccache
from support import SOON_S, Case


class Down(Exception):
    """What the loaders here raise."""


def down() -> Any:
    raise Down("no database")


class Policies(Case):
    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SOON_S
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it does not happen")
            time.sleep(0.002)

    def expired(self, c: mccache.Cache, key: str) -> None:
        c.put(key, ["old"], ttl=0.001)
        self.until(lambda: key not in c)

    def counter(self, c: mccache.Cache, name: str) -> int:
        return int(c.node.metrics()[name])

    def test_what_a_load_is_given_is_looked_at_before_it_begins(self) -> None:
        c = self.cache(fail_safe=60)
        c.put("k", "old", ttl=0.001)
        self.until(lambda: "k" not in c)
        wrong: Any = (
            lambda: c.get_or_load("k", None),
            lambda: c.get_or_load("k", lambda: 1, timeout="1"),
            lambda: c.get_or_load("k", lambda: 1, policy={}),
            lambda: asyncio.run(c.get_or_load_async("k", None)),
        )
        for number, call in enumerate(wrong):
            with self.subTest(number), self.assertRaisesRegex(TypeError, "loader|timeout|policy"):
                call()
        self.assertEqual(c.get_or_load("k", lambda: "new", timeout=0), "new", "nobody holds a lease")

    def test_an_expired_value_is_served_while_the_loader_fails(self) -> None:
        c = self.cache(fail_safe=60)
        calls = []

        def fails() -> Any:
            calls.append(1)
            return down()

        self.expired(c, "k")
        self.assertEqual([c.get_or_load("k", fails) for _ in range(3)], [["old"]] * 3)
        self.assertEqual(len(calls), 1, "for half a minute it is not tried again")
        self.assertIsNone(c.get("k"), "others read nothing")
        self.assertEqual([self.counter(c, name) for name in ("load_failures", "stale_served", "loads_throttled")], [1, 3, 2])
        with self.assertRaises(Down):
            c.get_or_load("another", fails)
        self.assertEqual(c.get_or_load("k", lambda: "new", policy=c.load_policy(fail_safe=0)), "new")
        self.assertEqual(c["k"], "new")

    def test_a_loader_of_the_wrong_kind_is_an_error_all_the_same(self) -> None:
        async def load() -> Any:
            return 1

        c = self.cache(fail_safe=60)
        self.expired(c, "k")
        with self.assertRaises(TypeError):
            c.get_or_load("k", load)

    def test_a_slow_load_is_not_waited_for_and_fills(self) -> None:
        c = self.cache(fail_safe=60, load_soft_timeout=0.02)
        go = threading.Event()
        self.expired(c, "k")
        self.assertEqual(c.get_or_load("k", lambda: go.wait() and "new"), ["old"])
        self.assertEqual(c.get_or_load("k", self.fail), ["old"], "who waits for it is served as well")
        waiters = [threading.Thread(target=lambda: c.get_or_load("k", self.fail)) for _ in range(2)]
        for each in waiters:
            each.start()
        for each in waiters:
            each.join(SOON_S)
        self.assertEqual(self.counter(c, "loads_slow"), 4)
        go.set()
        self.until(lambda: c.get("k") == "new")

    def test_beyond_the_hard_timeout_a_load_is_an_error_and_fills(self) -> None:
        c = self.cache(load_hard_timeout=0.02)
        go = threading.Event()
        with self.assertRaises(mccache.TimeoutError):
            c.get_or_load("k", lambda: go.wait() and "new")
        with self.assertRaises(mccache.TimeoutError):
            c.get_or_load("k", self.fail)
        self.assertEqual(self.counter(c, "loads_timed_out"), 2)
        go.set()
        self.until(lambda: c.get("k") == "new")

    def test_what_is_loaded_in_time_by_a_thread_is_returned_and_what_it_raises_is_raised(self) -> None:
        c = self.cache(load_hard_timeout=20)
        self.assertEqual(c.get_or_load("k", lambda: threading.current_thread().name), "mccache-load")
        with self.assertRaises(Down):
            c.get_or_load("another", down)

    def test_a_value_is_refreshed_early_by_one_and_in_the_background(self) -> None:
        c = self.cache()
        eager = c.load_policy(eager_refresh=0.05)
        go, calls = threading.Event(), []

        def load() -> Any:
            calls.append(1)
            go.wait()
            return "new"

        c.put("k", "old", ttl=4)
        self.assertEqual(c.get_or_load("k", self.fail, policy=eager), "old", "too early")

        def begun() -> bool:
            self.assertEqual(c.get_or_load("k", load, ttl=60, policy=eager), "old")
            return self.counter(c, "refreshes") == 1

        self.until(begun)
        self.assertEqual([c.get_or_load("k", load, policy=eager) for _ in range(5)], ["old"] * 5)
        go.set()
        self.until(lambda: c["k"] == "new")
        self.assertEqual(len(calls), 1)

    def test_the_same_for_coroutines(self) -> None:
        c = self.cache(fail_safe=60, load_soft_timeout=0.02, load_hard_timeout=0.02)

        async def fails() -> Any:
            return down()

        async def story() -> None:
            self.expired(c, "failed")
            self.assertEqual(await c.get_or_load_async("failed", fails), ["old"])
            self.assertEqual(await c.get_or_load_async("failed", self.fail), ["old"], "paused")
            go = asyncio.Event()

            async def slow() -> Any:
                await go.wait()
                return "new"

            self.expired(c, "slow")
            self.assertEqual(await c.get_or_load_async("slow", slow), ["old"])
            self.assertEqual(await c.get_or_load_async("slow", fails), ["old"], "who waits for it is served as well")
            with self.assertRaises(mccache.TimeoutError):
                await c.get_or_load_async("missing", slow)
            with self.assertRaises(mccache.TimeoutError):
                await c.get_or_load_async("missing", fails)
            go.set()
            while c.get("slow") != "new" or c.get("missing") != "new":
                await asyncio.sleep(0.002)
            eager = c.load_policy(eager_refresh=0.05, load_soft_timeout=0)
            c.put("eager", "old", ttl=2)
            while c["eager"] == "old":
                self.assertIn(await c.get_or_load_async("eager", slow, ttl=60, policy=eager), ("old", "new"))
                await asyncio.sleep(0.002)

        asyncio.run(asyncio.wait_for(story(), SOON_S))
        self.assertEqual((self.counter(c, "loads_slow"), self.counter(c, "loads_timed_out")), (2, 2))

    def test_each_degradation_is_told(self) -> None:
        c = self.cache(fail_safe=60)
        self.expired(c, "k")
        with c.events() as events:
            c.get_or_load("k", down)
            kinds = [event.kind for event in iter(lambda: events.next(0.2), None)]
        self.assertEqual([kind for kind in kinds if kind > 8], [mccache.EventKind.LOAD_FAILED, mccache.EventKind.STALE])

    def test_a_policy_takes_settings_of_loads_in_their_range(self) -> None:
        c = self.cache()
        for wrong in ({"fail_safe": 86_401}, {"eager_refresh": 1}, {"load_soft_timeout": -1}, {"cluster": "x"}, {"x": 1}):
            with self.subTest(wrong=wrong), self.assertRaises(mccache.ConfigError):
                c.load_policy(**wrong)


if __name__ == "__main__":
    unittest.main()
