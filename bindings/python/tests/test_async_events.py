"""Events that are awaited: none is lost, the loop goes on, and no thread stays."""

import asyncio
import os
import threading
import time
import unittest
from typing import Any, List

import mccache
from support import SOON_S, Case


def waiting_threads() -> int:
    return sum(thread.name == "mccache-events" for thread in threading.enumerate())


class Awaited(Case):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.eventually, lambda: waiting_threads() == 0, "the end of the threads that wait")

    def test_events_come_in_order_and_iteration_ends_with_close(self) -> None:
        c, seen = self.cache(), []
        events = c.events()

        async def story() -> None:
            async def write() -> None:
                for i in range(500):
                    c[f"k{i}"] = i
                    if i % 50 == 0:
                        await asyncio.sleep(0.001)
                events.close()

            writer = asyncio.ensure_future(write())
            async for event in events:
                seen.append(event.key)
            await writer
            with self.assertRaises(mccache.ClosedError):
                await events.next_async()

        asyncio.run(story())
        self.assertEqual(seen, [f"k{i}" for i in range(500)])

    def test_a_wait_ends_with_its_timeout_and_blocks_nothing(self) -> None:
        async def story() -> None:
            with self.cache().events() as events:
                self.assertIsNone(await events.next_async(0))
                waiting, short = [asyncio.ensure_future(events.next_async(s)) for s in (None, 0.05)]
                for _ in range(20):
                    await asyncio.sleep(0.001)
                self.assertFalse(waiting.done())
                self.assertIsNone(await asyncio.wait_for(short, SOON_S))
                self.assertFalse(waiting.done())
                waiting.cancel()
                for bad in (-1, float("nan")):
                    with self.assertRaises(ValueError):
                        await events.next_async(bad)
                with self.assertRaises(TypeError):
                    await events.next_async("1")

        asyncio.run(story())

    def test_what_is_queued_is_there_at_once(self) -> None:
        c = self.cache()
        with c.events() as events:
            c["k"] = 1
            self.assertEqual(asyncio.run(events.next_async(0)).key, "k")
        self.assertEqual(waiting_threads(), 0)

    def test_cancelling_loses_no_event(self) -> None:
        c = self.cache()
        events, seen = c.events(), []

        async def story() -> None:
            writer = threading.Thread(target=lambda: [c.put(f"k{i}", i) or time.sleep(0.0005) for i in range(400)])
            writer.start()
            deadline = time.monotonic() + SOON_S
            number = 0
            while len(seen) < 400 and time.monotonic() < deadline:
                waiting = asyncio.ensure_future(events.next_async())
                await asyncio.sleep(0.0003 * (number % 4))
                number += 1
                waiting.cancel()
                try:
                    seen.append((await waiting).key)
                except asyncio.CancelledError:
                    pass
            writer.join(SOON_S)

        asyncio.run(story())
        self.assertEqual(seen, [f"k{i}" for i in range(400)])
        events.close()

    def test_an_event_told_to_one_who_is_cancelled_goes_to_another(self) -> None:
        c = self.cache()

        async def story() -> None:
            with c.events() as events:
                first = asyncio.ensure_future(events.next_async())
                second = asyncio.ensure_future(events.next_async())
                await asyncio.sleep(0.05)
                c["k"] = 1
                self.eventually(lambda: events._ready)  # without a turn of the loop: the first is told, and asleep
                first.cancel()
                self.assertEqual((await asyncio.wait_for(second, SOON_S)).key, "k")

        asyncio.run(story())

    def test_coroutines_of_two_loops_and_a_thread_share_a_queue(self) -> None:
        c, seen = self.cache(), []
        events = c.events()

        async def drain() -> None:
            async for event in events:
                seen.append(event.key)

        async def drains() -> None:
            await asyncio.gather(drain(), drain())

        workers: List[Any] = [lambda: asyncio.run(drains())] * 2
        workers.append(lambda: seen.extend(event.key for event in events))
        threads = [threading.Thread(target=worker) for worker in workers]
        for thread in threads:
            thread.start()
        for i in range(1000):
            c[f"k{i}"] = i
            if i % 100 == 0:
                time.sleep(0.005)
        self.eventually(lambda: len(seen) >= 1000)
        events.close()
        for thread in threads:
            thread.join(SOON_S)
            self.assertFalse(thread.is_alive())
        self.assertEqual(sorted(seen), sorted(f"k{i}" for i in range(1000)))

    def test_closing_from_elsewhere_ends_the_waits(self) -> None:
        for close in (lambda c, events: events.close(), lambda c, events: c.close(), lambda c, events: c.node.close()):
            c = self.cache()
            events = c.events()

            async def story(c: mccache.Cache = c, events: mccache.Events = events, close: Any = close) -> None:
                waiting = [asyncio.ensure_future(events.next_async()) for _ in range(3)]
                await asyncio.sleep(0.05)
                closer = threading.Thread(target=close, args=(c, events))
                closer.start()
                ended = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), SOON_S)
                self.assertEqual([type(each) for each in ended], [mccache.ClosedError] * 3)
                closer.join(SOON_S)

            asyncio.run(story())

    def test_a_loop_that_ends_leaves_no_thread_in_the_core(self) -> None:
        c = self.cache()
        events = c.events()

        async def story() -> None:
            asyncio.ensure_future(events.next_async())
            await asyncio.sleep(0.02)

        for _ in range(5):
            asyncio.run(story())
        self.assertLessEqual(waiting_threads(), 1)
        self.eventually(lambda: waiting_threads() == 0)
        c["k"] = 1
        self.assertEqual(events.next(timeout=SOON_S).key, "k")

    def test_waiting_costs_no_processor(self) -> None:
        events = self.cache().events()
        begun = time.process_time()
        asyncio.run(events.next_async(1.0))
        self.assertLess(time.process_time() - begun, 0.3)

    @unittest.skipUnless(hasattr(os, "fork"), "there is no fork here")
    def test_a_forked_child_hears_that_the_queue_is_its_parents(self) -> None:
        self.succeeds(
            """
import asyncio, mccache, os, sys, threading
c = mccache.get_cache("c")
events = c.events()
async def wait():
    # A busy machine is not told of: nothing is to be on the standard error.
    asyncio.get_running_loop().slow_callback_duration = 60
    async for event in events: pass
threading.Thread(target=lambda: asyncio.run(wait()), daemon=True).start()
while not any(t.name == "mccache-events" for t in threading.enumerate()): pass
pid = os.fork()
if pid == 0:
    for take in (lambda: events.next(5), lambda: asyncio.run(events.next_async(5))):
        try:
            take()
        except mccache.ClosedError:
            continue
        os._exit(1)
    c["k"] = 1
    with c.events() as own:
        c["k"] = 2
        assert asyncio.run(own.next_async(20)).key == "k"
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""
        )


if __name__ == "__main__":
    unittest.main()
