"""get_or_load: one loader a key at a time, for threads and coroutines, and what comes meanwhile wins."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import unittest
from typing import Any, List

import mccache
from support import SOON_S, Case

HERD = 8


class Loads(Case):
    def test_a_miss_loads_and_a_hit_does_not(self) -> None:
        c, calls = self.cache(), []

        def load() -> Any:
            calls.append(1)
            return {"n": len(calls)}

        self.assertEqual([c.get_or_load("k", load) for _ in range(3)], [{"n": 1}] * 3)
        self.assertEqual(c["k"], {"n": 1})
        del c["k"]
        self.assertEqual(c.get_or_load(b"k", load), {"n": 2})
        self.assertEqual((c.stats().puts, c.stats().hits), (2, 3))

    def test_a_tag_takes_what_was_put_or_loaded_with_it(self) -> None:
        c = self.cache()
        c.put("a", 1, tags=["user:7", "prices"])
        c.put("b", 2, ttl=60, tags=("user:8",))
        c.put("c", 3, tags=[])
        self.assertEqual(c.get_or_load("d", lambda: 4, tags=["prices"]), 4)
        self.assertEqual(asyncio.run(c.get_or_load_async("e", self._five, tags=["prices"])), 5)
        c.invalidate_tag("prices")
        self.assertEqual([c.get(key) for key in "abcde"], [None, 2, 3, None, None])
        self.assertEqual(sorted(c), ["b", "c"])

        def load() -> int:
            c.invalidate_tag("prices")
            return 6

        self.assertEqual((c.get_or_load("d", load, tags=["prices"]), c.get("d")), (6, None))
        c.put("a", 7, tags=["prices"])
        self.assertEqual(c["a"], 7)

    async def _five(self) -> int:
        return 5

    def test_tags_that_cannot_be_are_refused(self) -> None:
        c = self.cache()
        c["k"] = "kept"
        for tags in ([""], ["a\0b"], ["t" * 256], ["t"] * 17):
            with self.subTest(tags=tags), self.assertRaises(ValueError):
                c.put("k", "lost", tags=tags)
        for wrong in ("one tag", b"one tag", [7], [None], 7):
            with self.subTest(tags=wrong), self.assertRaises(TypeError):
                c.put("k", "lost", tags=wrong)  # type: ignore[arg-type]
        for tag in ("", "a\0b"):
            with self.assertRaises(ValueError):
                c.invalidate_tag(tag)
        with self.assertRaises(ValueError):
            c.get_or_load("other", lambda: 1, tags=[""])
        self.assertEqual((c["k"], c.get_or_load("other", lambda: 2)), ("kept", 2))

    def test_none_and_every_other_value_is_kept(self) -> None:
        c = self.cache()
        for number, value in enumerate((None, False, 0, "", b"", [], {}, 1.5, "text", b"x" * 5000)):
            with self.subTest(value=value):
                self.assertEqual(c.get_or_load(f"k{number}", lambda: value), value)
                self.assertEqual(c.get_or_load(f"k{number}", self.fail), value)

    def test_what_was_loaded_has_the_shape_it_is_read_in(self) -> None:
        c = self.cache()
        shared: List[Any] = [1]
        for value, back in (((1, (2,)), [1, [2]]), (bytearray(b"b"), b"b"), (shared, [1])):
            c.clear()
            self.assertEqual(c.get_or_load("k", lambda: value), back)
            self.assertEqual(c["k"], back)
        shared.append(2)
        self.assertEqual(c["k"], [1])

    def test_the_time_to_live_is_the_one_given(self) -> None:
        c = self.cache(cache_ttl=1000)
        c.get_or_load("own", lambda: 1, ttl=50)
        c.get_or_load("setting", lambda: 1)
        c.get_or_load("ever", lambda: 1, ttl=float("inf"))
        self.assertLessEqual(c.metadata["own"]["ttl"], 50)
        self.assertGreater(c.metadata["setting"]["ttl"], 900)
        self.assertIsNone(c.metadata["ever"]["ttl"])

    def test_an_exception_of_the_loader_passes_through_and_frees_the_key(self) -> None:
        c = self.cache()
        own = ZeroDivisionError("the loader's own")

        def fail() -> None:
            raise own

        kept: List[BaseException] = []
        for _ in range(3):
            with self.assertRaises(ZeroDivisionError) as raised:
                c.get_or_load("k", fail, timeout=0)
            self.assertIs(raised.exception, own)
            kept.append(raised.exception)  # with its traceback, and the frames in it
        self.assertEqual(c.get_or_load("k", lambda: 1, timeout=0), 1)

    def test_a_value_that_cannot_be_stored_frees_the_key(self) -> None:
        c = self.cache(max_value=1000)
        for loader, error in (
            (object, TypeError), (lambda: "\ud800", ValueError), (lambda: "x" * 1001, mccache.TooLargeError),
            (lambda: asyncio.sleep(0), TypeError), (5, TypeError), (None, TypeError),
        ):  # fmt: skip
            with self.subTest(loader=loader), self.assertRaises(error) as kept:
                c.get_or_load("k", loader, timeout=0)
            self.assertIsNotNone(kept.exception.__traceback__ or kept)
        with self.assertRaisesRegex(TypeError, "get_or_load_async"):
            c.get_or_load("k", lambda: asyncio.sleep(0), timeout=0)
        self.assertEqual(c.get_or_load("k", lambda: 1, timeout=0), 1)

    def test_bad_arguments(self) -> None:
        c = self.cache()
        for key in (5, None, ("a",)):
            with self.assertRaisesRegex(TypeError, "keys are str or bytes"):
                c.get_or_load(key, self.fail)
        for ttl in (0, -1, float("nan")):
            with self.assertRaises(ValueError):
                c.get_or_load("k", lambda: 1, ttl=ttl)
        with self.assertRaises(TypeError):
            c.get_or_load("k", lambda: 1, ttl="60")
        self.assertEqual(c.get_or_load("k", lambda: 1, timeout=0), 1)

    def test_one_thread_loads_and_the_others_wait(self) -> None:
        c, loads, answers = self.cache(), [], []
        begun, go = threading.Event(), threading.Event()

        def load() -> str:
            loads.append(1)
            begun.set()
            go.wait(SOON_S)
            return "loaded"

        threads = [threading.Thread(target=lambda: answers.append(c.get_or_load("k", load))) for _ in range(HERD)]
        for thread in threads:
            thread.start()
        self.assertTrue(begun.wait(SOON_S))
        self.assertEqual(c.get_or_load("another", lambda: 1), 1)
        go.set()
        for thread in threads:
            thread.join(SOON_S)
        self.assertEqual((answers, len(loads)), (["loaded"] * HERD, 1))

    def test_after_a_load_that_failed_the_next_in_line_loads(self) -> None:
        c, begun, answers, tries = self.cache(), threading.Event(), [], []

        def load() -> str:
            tries.append(1)
            begun.set()
            if len(tries) == 1:
                self.eventually(lambda: len(started) == HERD)
                raise ConnectionError("no database")
            return "loaded"

        started: List[int] = []

        def work() -> None:
            started.append(1)
            try:
                answers.append(c.get_or_load("k", load))
            except ConnectionError:
                answers.append("failed")

        threads = [threading.Thread(target=work) for _ in range(HERD)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON_S)
        self.assertEqual(sorted(answers), ["failed"] + ["loaded"] * (HERD - 1))
        self.assertEqual(len(tries), 2)

    def test_what_comes_while_it_loads_wins(self) -> None:
        a, c = self.cache(), self.cache()
        changes = {
            "put here": lambda: c.put("k", "newer"),
            "put there": lambda: (a.put("k", "newer"), a.sync(SOON_S)),
            "deleted here": lambda: c.pop("k", None),
            "cleared": c.clear,
        }
        for what, change in changes.items():
            with self.subTest(what=what):
                c.clear()
                c.sync(SOON_S)
                answer = c.get_or_load("k", lambda: (change(), "older")[1])
                self.assertEqual((answer, c.get("k")), ("older", "newer" if "put" in what else None))

    def test_asking_within_the_loader_ends_with_its_timeout(self) -> None:
        c = self.cache()
        for timeout in (0, 0.3):
            begun = time.monotonic()
            with self.assertRaisesRegex(mccache.TimeoutError, "to load the key"):
                c.get_or_load("k", lambda: c.get_or_load("k", self.fail, timeout=timeout))
            self.assertGreaterEqual(time.monotonic() - begun, timeout)
        self.assertEqual(c.get_or_load("k", lambda: c.get_or_load("l", lambda: 2)), 2)

    def test_closing_ends_the_waits_and_the_load(self) -> None:
        for close in (lambda c: c.close(), lambda c: c.node.close()):
            c, outcomes = self.cache(), []
            begun, go = threading.Event(), threading.Event()

            def work(loader: Any, c: mccache.Cache = c, outcomes: List[Any] = outcomes) -> None:
                try:
                    outcomes.append(c.get_or_load("k", loader))
                except Exception as error:
                    outcomes.append(type(error))

            loader = threading.Thread(target=work, args=(lambda: (begun.set(), go.wait(SOON_S))[1],))
            waiters = [threading.Thread(target=work, args=(self.fail,)) for _ in range(3)]
            loader.start()
            self.assertTrue(begun.wait(SOON_S))
            for waiter in waiters:
                waiter.start()
            time.sleep(0.05)
            close(c)
            for waiter in waiters:
                waiter.join(SOON_S)
            self.assertEqual(outcomes, [mccache.ClosedError] * 3)
            go.set()
            loader.join(SOON_S)
            self.assertEqual(outcomes[3:], [mccache.ClosedError])

    def test_ctrl_c_ends_the_wait_for_anothers_load(self) -> None:
        program = """
import mccache, signal, threading
signal.signal(signal.SIGINT, signal.default_int_handler)
c, begun = mccache.get_cache(), threading.Event()
load = lambda: (begun.set(), threading.Event().wait())
threading.Thread(target=lambda: c.get_or_load("k", load), daemon=True).start()
begun.wait()
print("waiting", flush=True)
c.get_or_load("k", load, timeout=None)
"""
        child = subprocess.Popen(
            [sys.executable, "-c", program], env={**os.environ, "MCCACHE_CLUSTER": self.cluster},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with child:
            try:
                self.assertEqual(child.stdout.readline(), "waiting\n")
                time.sleep(0.3)
                sent = time.monotonic()
                child.send_signal(signal.SIGINT)
                _, errors = child.communicate(timeout=SOON_S)
            finally:
                child.kill()
        self.assertIn("KeyboardInterrupt", errors)
        self.assertLess(time.monotonic() - sent, 5)

    def test_a_watched_cache_notes_what_is_loaded(self) -> None:
        calls: List[Any] = []
        c = self.node().cache("c", callback=calls.append)
        c.get_or_load("k", lambda: 1)
        c["k"] = 2
        self.eventually(lambda: [context["key"] for context in calls] == ["k"])

        async def load() -> int:
            return 1

        asyncio.run(c.get_or_load_async("l", load))
        c["l"] = 2
        self.eventually(lambda: [context["key"] for context in calls] == ["k", "l"])

    @unittest.skipUnless(hasattr(os, "fork"), "there is no fork here")
    def test_a_child_forked_within_a_loader_loads_by_itself(self) -> None:
        self.succeeds(
            """
import mccache, os
c = mccache.get_cache("c")
def load():
    pid = os.fork()
    if pid == 0:
        assert c.get_or_load("k", lambda: "the child's", timeout=5) == "the child's"
        assert c["k"] == "the child's"
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    return "the parent's"
c.get_or_load("k", load)
"""
        )


class Async(Case):
    def test_coroutines_load_once_and_the_loop_goes_on(self) -> None:
        c, loads = self.cache(), []

        async def story() -> None:
            go = asyncio.Event()

            async def load() -> Any:
                loads.append(1)
                await go.wait()
                return {"n": None}

            tasks = [asyncio.ensure_future(c.get_or_load_async("k", load)) for _ in range(100)]
            for _ in range(20):
                await asyncio.sleep(0.001)
            self.assertFalse(any(task.done() for task in tasks))
            go.set()
            self.assertEqual(await asyncio.gather(*tasks), [{"n": None}] * 100)

        asyncio.run(story())
        others = ("MainThread", "closing", "mccache-log")
        ours = [thread.name for thread in threading.enumerate() if thread.name not in others]
        self.assertEqual((len(loads), c._loads._notes, ours), (1, {}, []))
        self.assertEqual(asyncio.run(c.get_or_load_async("k", self.fail)), {"n": None})

    def test_coroutines_and_threads_wait_for_each_other(self) -> None:
        c, begun, go = self.cache(), threading.Event(), threading.Event()

        def load() -> str:
            begun.set()
            go.wait(SOON_S)
            return "the thread's"

        async def waits() -> List[str]:
            tasks = [asyncio.ensure_future(c.get_or_load_async("a", self.fail)) for _ in range(3)]
            await asyncio.sleep(0.05)
            go.set()
            return await asyncio.gather(*tasks)

        thread = threading.Thread(target=lambda: c.get_or_load("a", load))
        thread.start()
        self.assertTrue(begun.wait(SOON_S))
        self.assertEqual(asyncio.run(waits()), ["the thread's"] * 3)
        thread.join(SOON_S)

        answers: List[str] = []

        async def loads() -> str:
            asked = threading.Thread(target=lambda: answers.append(c.get_or_load("b", self.fail)))
            asked.start()
            await asyncio.sleep(0.05)
            self.addCleanup(asked.join, SOON_S)
            return "the coroutine's"

        asyncio.run(c.get_or_load_async("b", loads))
        self.eventually(lambda: answers == ["the coroutine's"])

    def test_loops_in_two_threads_load_once(self) -> None:
        c, loads, answers = self.cache(), [], []

        async def load() -> int:
            loads.append(1)
            await asyncio.sleep(0.05)
            return len(loads)

        async def many() -> None:
            answers.extend(await asyncio.gather(*[c.get_or_load_async("k", load) for _ in range(20)]))

        threads = [threading.Thread(target=lambda: asyncio.run(many())) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON_S)
        self.assertEqual((answers, len(loads)), ([1] * 60, 1))

    def test_cancelling_who_loads_lets_the_next_load(self) -> None:
        c = self.cache()

        async def never() -> None:
            await asyncio.Event().wait()

        async def load() -> str:
            return "the next's"

        async def story() -> str:
            first = asyncio.ensure_future(c.get_or_load_async("k", never))
            await asyncio.sleep(0.01)
            waiting = asyncio.ensure_future(c.get_or_load_async("k", load))
            gone = asyncio.ensure_future(c.get_or_load_async("k", self.fail))
            await asyncio.sleep(0.01)
            gone.cancel()
            first.cancel()
            ended = await asyncio.gather(first, gone, return_exceptions=True)
            self.assertEqual([type(each) for each in ended], [asyncio.CancelledError] * 2)
            return await asyncio.wait_for(waiting, SOON_S)

        self.assertEqual(asyncio.run(story()), "the next's")
        self.assertEqual(c._loads._notes, {})

    def test_a_wait_that_is_too_long_and_a_cache_that_closes(self) -> None:
        c, begun, go = self.cache(), threading.Event(), threading.Event()
        thread = threading.Thread(target=lambda: self.quiet(c, begun, go))
        thread.start()
        self.assertTrue(begun.wait(SOON_S))

        async def story() -> None:
            for timeout in (0, 0.05):
                with self.assertRaises(mccache.TimeoutError):
                    await c.get_or_load_async("k", self.fail, timeout=timeout)
            waiting = asyncio.ensure_future(c.get_or_load_async("k", self.fail, timeout=None))
            await asyncio.sleep(0.01)
            c.close()
            with self.assertRaises(mccache.ClosedError):
                await asyncio.wait_for(waiting, SOON_S)

        asyncio.run(story())
        go.set()
        thread.join(SOON_S)

    def quiet(self, c: mccache.Cache, begun: threading.Event, go: threading.Event) -> None:
        with self.assertRaises(mccache.ClosedError):
            c.get_or_load("k", lambda: (begun.set(), go.wait(SOON_S))[1])

    def test_loaders_that_fail_or_are_no_coroutine_functions(self) -> None:
        c = self.cache()

        async def fail() -> None:
            raise ConnectionError("no database")

        async def story() -> None:
            with self.assertRaisesRegex(ConnectionError, "no database"):
                await c.get_or_load_async("k", fail, timeout=0)
            with self.assertRaisesRegex(TypeError, "get_or_load.*plain"):
                await c.get_or_load_async("k", lambda: 5, timeout=0)
            with self.assertRaises(TypeError):
                await c.get_or_load_async("k", fail, ttl="5", timeout=0)

        asyncio.run(story())
        self.assertEqual(c.get_or_load("k", lambda: 1, timeout=0), 1)

    def test_no_leak_over_many_rounds(self) -> None:
        c = self.cache()

        async def load() -> int:
            await asyncio.sleep(0)
            return 1

        async def story(rounds: int) -> None:
            for number in range(rounds):
                await asyncio.gather(*[c.get_or_load_async(f"k{number}", load) for _ in range(3)])

        asyncio.run(story(50))
        gc.collect()
        before = len(gc.get_objects())
        asyncio.run(story(500))
        gc.collect()
        self.assertLess(len(gc.get_objects()) - before, 150)
        self.assertEqual(c._loads._notes, {})


if __name__ == "__main__":
    unittest.main()
