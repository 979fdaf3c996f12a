"""Threads, and closing while others are inside."""

import random
import threading
import time
import unittest
from typing import Any, Callable, List

import mccache
from support import SOON_S, Case

THREADS = 6


class Threads(Case):
    def run_all(self, work: Callable[[int], Any]) -> None:
        failures: List[BaseException] = []

        def run(number: int) -> None:
            try:
                work(number)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_threads_share_a_cache(self) -> None:
        c = self.cache()

        def work(number: int) -> None:
            dice = random.Random(number)
            for i in range(3000):
                key = f"k{dice.randrange(50)}"
                value = c.get(key)
                assert value is None or value[0] == key, (key, value)
                c[key] = [key, number, i]
                if i % 10 == 0:
                    c.pop(key, None)
                if i % 500 == 0:
                    list(c.items()), len(c), c.stats(), c.checksum()

        self.run_all(work)
        self.assertLessEqual(len(c), 50)

    def test_closing_under_load_answers_closed_and_nothing_else(self) -> None:
        for _ in range(5):
            node = self.node()
            c = node.cache("c", callback=lambda context: None)
            started = threading.Barrier(THREADS + 1)

            def work(number: int, c: mccache.Cache = c, started: threading.Barrier = started) -> None:
                started.wait()
                i = 0
                try:
                    while True:
                        c[f"k{i % 100}"] = i
                        c.get("k5"), len(c), "k7" in c
                        for _ in c:
                            break
                        if i % 50 == 0:
                            c.view("k0")
                            c.sync(timeout=1)
                        i += 1
                except mccache.ClosedError:
                    pass

            closer = threading.Thread(target=lambda: (started.wait(), time.sleep(0.05), node.close()))
            closer.start()
            self.run_all(work)
            closer.join(SOON_S)
            self.assertFalse(closer.is_alive())

    def test_a_wait_lets_other_threads_run(self) -> None:
        c, progress = self.cache(), []
        with c.events() as events:
            waiter = threading.Thread(target=lambda: progress.append(events.next(timeout=SOON_S)))
            waiter.start()
            count = sum(1 for _ in range(100_000))
            self.assertEqual((count, progress), (100_000, []))
            c["k"] = 1
            waiter.join(SOON_S)
        self.assertEqual(progress[0].key, "k")

    def test_a_queue_that_two_threads_drain_gives_each_event_once(self) -> None:
        c, seen = self.cache(), []
        events = c.events()
        drains = [threading.Thread(target=lambda: seen.extend(event.key for event in events)) for _ in range(2)]
        for drain in drains:
            drain.start()
        for i in range(1000):
            c[f"k{i}"] = i
        self.eventually(lambda: len(seen) >= 1000)
        events.close()
        for drain in drains:
            drain.join(SOON_S)
        self.assertEqual(sorted(seen), sorted(f"k{i}" for i in range(1000)))


if __name__ == "__main__":
    unittest.main()
