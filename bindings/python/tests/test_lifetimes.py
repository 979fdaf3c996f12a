"""Objects that go while others work: collection, closing and threads at once, and what outlives what."""

import asyncio
import gc
import random
import subprocess
import sys
import threading
import time
import unittest
import weakref
from pathlib import Path
from typing import Any, Callable, List

import mccache
from matrix import NATIVE
from support import SOON_S, Case

THREADS = 6
#: How long each stress goes on, in seconds.
STRESS_S = 2.0


class Lifetimes(Case):
    def run_all(self, *works: Callable[[], Any]) -> None:
        """Runs all at once, and fails with the first failure."""
        failures: List[BaseException] = []

        def run(work: Callable[[], Any]) -> None:
            try:
                work()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=run, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            self.assertFalse(thread.is_alive())
        self.assertEqual(failures, [])

    def test_collecting_closing_and_working_at_once(self) -> None:
        """Views, iterators, queues and leases are dropped everywhere while nodes open and close under them."""
        deadline = time.monotonic() + STRESS_S
        caches = [self.cache() for _ in range(3)]
        lock, rounds = threading.Lock(), []

        def reopen() -> None:
            while time.monotonic() < deadline:
                node = mccache.Node(cluster=self.cluster)
                with lock:
                    old, caches[0] = caches[0], node.cache("c", callback=lambda context: None)
                old.node.close()
                time.sleep(0.02)
            caches[0].node.close()

        def collect() -> None:
            while time.monotonic() < deadline:
                gc.collect()

        def work(seed: int) -> None:
            dice, kept = random.Random(seed), []
            while time.monotonic() < deadline:
                try:
                    kept.append(self.use(dice.choice(caches), dice))
                except (mccache.ClosedError, KeyError):
                    pass
                del kept[: -dice.randrange(1, 20)]
                rounds.append(1)

        self.run_all(reopen, collect, *[lambda seed=seed: work(seed) for seed in range(THREADS)])
        self.assertGreater(len(rounds), 100)
        for c in caches[1:]:
            c["after"] = 1
            self.assertEqual(c["after"], 1)

    def use(self, c: mccache.Cache, dice: random.Random) -> Any:
        key = f"k{dice.randrange(20)}"
        uses: List[Callable[[], Any]] = [
            lambda: c.put(key, b"x" * dice.randrange(3000)),
            lambda: c.put(key, [key, dice.random(), None]),
            lambda: c.view(key),
            lambda: c[key],
            lambda: next(iter(c), None),
            lambda: iter(c.items()),
            lambda: next(iter(c.items()), None),
            lambda: c.events(),
            lambda: c.events().next(timeout=0.001),
            lambda: c.pop(key, None),
            lambda: c.get_or_load(key, lambda: [dice.random()], timeout=1),
            lambda: c.metadata.get(key),
            lambda: c.node.members(),
            lambda: c.node.metrics(),
            lambda: c.stats(),
            lambda: asyncio.run(c.events().next_async(0.001)),
        ]
        return dice.choice(uses)()

    def test_events_while_the_node_closes(self) -> None:
        for _ in range(8):
            node = mccache.Node(cluster=self.cluster)
            c = node.cache("c")
            begun = threading.Barrier(5)

            def drain(queue: mccache.Events) -> None:
                begun.wait()
                for _ in queue:
                    pass

            def write() -> None:
                begun.wait()
                try:
                    for i in range(100_000):
                        c[f"k{i % 10}"] = i
                except mccache.ClosedError:
                    return
                self.fail("the node did not close")

            def close() -> None:
                begun.wait()
                time.sleep(0.005)
                node.close()

            self.run_all(lambda: drain(c.events()), lambda: drain(node.events()), lambda: drain(c.events()), write, close)

    def test_what_was_made_of_a_node_outlives_it_in_any_order(self) -> None:
        def make() -> List[Any]:
            node = mccache.Node(cluster=self.cluster)
            c = node.cache("c")
            c["k"] = b"value" * 500
            return [node, c, c.view("k"), iter(c), c.items(), iter(c.items()), c.events(), node.events(), c.metadata,
                    c._lease("free", 0)[1]]  # fmt: skip

        dice = random.Random(4)
        for _ in range(12):
            things = make()
            view = things[2]
            dice.shuffle(things)
            while things:
                things.pop()
                if dice.random() < 0.3:
                    gc.collect()
            self.assertEqual(view, b"value" * 500)

    def test_a_dropped_lease_lets_the_next_load(self) -> None:
        c = self.cache()
        found, lease = c._lease("k", 0)
        self.assertEqual((found, c._lease("k", 0)), (False, (False, None)))
        del lease
        self.assertEqual(c.get_or_load("k", lambda: 1, timeout=0), 1)

    def test_a_lease_is_filled_once(self) -> None:
        c = self.cache()
        _, lease = c._lease("k", 0)
        self.assertEqual(lease.fill_object(c, (1,), 0, b""), (True, [1]))
        with self.assertRaisesRegex(mccache.InvalidArgumentError, "filled once"):
            lease.fill_object(c, 2, 0, b"")
        lease.give_up()
        lease.give_up()
        self.assertEqual(c["k"], [1])

    def test_collection_finds_caches_and_nodes(self) -> None:
        node = mccache.Node(cluster=self.cluster)
        there = weakref.ref(node), weakref.ref(node.cache("c")), weakref.ref(node.cache("c").events())
        node.cache("c").put("self", [1])
        del node
        gc.collect()
        self.assertEqual([each() for each in there], [None] * 3)

    def test_no_growth_by_events_views_iterators_and_loads(self) -> None:
        c = self.cache()
        c.update({f"k{i}": [i] for i in range(5)})

        def rounds(count: int) -> None:
            for i in range(count):
                c.view("k1"), iter(c), next(iter(c)), c.events(), c.copy(), c.metadata["k2"]
                c.pop("l", None)
                c.get_or_load("l", lambda: [i])
                try:
                    c.get_or_load("m", lambda: 1 // 0)
                except ZeroDivisionError:
                    pass
            gc.collect()

        rounds(1_000)
        before = len(gc.get_objects())
        resident = resident_bytes()
        rounds(10_000)
        self.assertLess(len(gc.get_objects()) - before, 200)
        self.assertLess(resident_bytes() - resident, 8 * 1024 * 1024)


class Agents(Case):
    """What the conductor of all languages relies on."""

    def test_the_agent_answers_each_line_with_one_line(self) -> None:
        import os

        agent = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("agent.py")), "matrix"],
            env={**os.environ, "MCCACHE_CLUSTER": self.cluster},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip
        with agent:
            ask = self.asker(agent)
            self.assertEqual(agent.stdout.readline(), "ready python\n")
            for case in NATIVE:
                self.assertEqual(ask(f"put {case} {case}"), "ok")
                self.assertEqual(ask(f"check {case} {case}"), "equal")
            self.assertEqual(ask("check nobody null"), "missing")
            self.assertEqual(ask("check text_zero text_ascii"), r"differs: str 'a\x00b'")
            self.assertTrue(ask("check list_mixed map_empty").startswith("differs: list [None, True"))
            self.assertTrue(ask("put k no_such_case").startswith("error: KeyError"))
            self.assertTrue(ask("sing").startswith("error: "))
            self.assertTrue(ask("").startswith("error: "))
            self.assertEqual((ask("members"), ask("sync 5000"), ask("clear")), ("0", "ok", "ok"))
            self.assertRegex(ask("work 50 7"), r"^ok [1-9]\d+$")
            self.assertRegex(ask("sum"), r"^\d+ [1-9]\d*$")
            self.assertEqual(ask("quit"), "bye")
            self.assertEqual(agent.wait(SOON_S), 0)

    def asker(self, agent: "subprocess.Popen[str]") -> Callable[[str], str]:
        def ask(line: str) -> str:
            agent.stdin.write(line + "\n")
            agent.stdin.flush()
            return agent.stdout.readline().rstrip("\n")

        return ask


def resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * 4096


if __name__ == "__main__":
    unittest.main()
