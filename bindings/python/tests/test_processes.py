"""Processes: what importing does, how they end, forks, Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
import unittest

import mccache
from support import SOON_S, Case


class Start(Case):
    def test_importing_starts_opens_and_registers_nothing(self) -> None:
        self.succeeds(
            """
import atexit, logging, os, threading  # logging registers an exit function of its own
def descriptors(): return sorted(os.listdir("/proc/self/fd"))
def tasks(): return len(os.listdir("/proc/self/task"))
before = descriptors(), tasks(), atexit._ncallbacks(), sorted(os.environ)
import mccache, sys
assert (descriptors(), tasks(), atexit._ncallbacks(), sorted(os.environ)) == before
assert "cbor2" not in sys.modules and "zoneinfo" not in sys.modules
"""
        )

    def test_a_wrong_environment_is_told_by_the_first_cache_and_not_by_the_import(self) -> None:
        self.succeeds(
            """
import os, mccache
os.environ["MCCACHE_CACHE_TLL"] = "5"
try:
    mccache.get_cache()
except mccache.ConfigError as error:
    assert "MCCACHE_CACHE_TTL" in str(error), error
else:
    raise SystemExit("no error")
del os.environ["MCCACHE_CACHE_TLL"]
mccache.get_cache()["k"] = 1
"""
        )


class End(Case):
    def test_the_process_ends_while_callbacks_run(self) -> None:
        started = time.monotonic()
        self.succeeds(
            """
import mccache, threading, time
called = threading.Event()
def callback(ctx):
    called.set()
    time.sleep(0.3)
c = mccache.get_cache("c", callback=callback)
c["k"] = 0
c["k"]
c["k"] = 1
assert called.wait(20)
"""
        )
        self.assertLess(time.monotonic() - started, 15)

    def test_the_process_ends_with_a_callback_that_never_returns(self) -> None:
        self.succeeds(
            """
import mccache, threading, time
called = threading.Event()
def callback(ctx):
    called.set()
    threading.Event().wait()
c = mccache.get_cache("c", callback=callback)
c["k"] = 0; c["k"]; c["k"] = 1
assert called.wait(20)
"""
        )

    def test_the_process_ends_with_live_objects_and_daemon_threads(self) -> None:
        self.succeeds(
            """
import mccache, threading, sys
c = mccache.get_cache("c", callback=print)
c["k"] = b"v"
view, iterator, events, items = c.view("k"), iter(c), c.events(), c.items()
node = mccache.Node(); other = node.cache("c")
def write():
    i = 0
    try:
        while True:
            c["x"] = i; c["x"]; i += 1
    except mccache.ClosedError:
        pass
def wait():
    for _ in events: pass
def wait_for_the_node():
    try:
        c.node.events().next()
    except mccache.ClosedError:
        pass
started = threading.Barrier(5)
for work in (write, write, wait, wait_for_the_node):
    threading.Thread(target=lambda work=work: (started.wait(), work()), daemon=True).start()
started.wait()
class Late:
    def __del__(self):
        try:
            c["late"] = 1
        except mccache.ClosedError:
            pass
sys.modules["late"] = late = Late()
"""
        )

    def test_members_hear_a_goodbye_at_exit(self) -> None:
        a = self.node()
        with a.events() as events:
            self.succeeds("import mccache; mccache.get_cache('c')['k'] = 1; mccache.get_cache('c').sync(20)")
            kinds = [events.next(timeout=SOON_S).kind for _ in range(2)]
        self.assertEqual(kinds, [mccache.EventKind.MEMBER_JOINED, mccache.EventKind.MEMBER_LEFT])

    def test_a_dropped_node_is_collected_and_leaves(self) -> None:
        import gc

        a = self.node()
        with a.events() as events:
            b = mccache.Node(cluster=self.cluster)
            b.cache("c")["k"] = 1
            self.assertEqual(events.next(timeout=SOON_S).kind, mccache.EventKind.MEMBER_JOINED)
            del b
            gc.collect()
            self.assertEqual(events.next(timeout=SOON_S).kind, mccache.EventKind.MEMBER_LEFT)


class Interrupt(Case):
    def interrupted(self, program: str) -> float:
        """Seconds from a Ctrl-C to the end of a program that waits in the main thread."""
        child = subprocess.Popen(
            [sys.executable, "-c", "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n" + program],
            env={**os.environ, "MCCACHE_CLUSTER": self.cluster},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with child:
            try:
                self.assertEqual(child.stdout.readline(), "waiting\n", "the child did not start")
                # The child is in its wait, or about to be: either must be interruptible.
                time.sleep(0.3)
                sent = time.monotonic()
                child.send_signal(signal.SIGINT)
                _, errors = child.communicate(timeout=SOON_S)
            finally:
                child.kill()
        self.assertIn("KeyboardInterrupt", errors)
        return time.monotonic() - sent

    def test_ctrl_c_ends_a_wait_for_an_event(self) -> None:
        program = "import mccache\nq = mccache.get_cache().events()\nprint('waiting', flush=True)\nq.next()"
        self.assertLess(self.interrupted(program), 5)

    def test_ctrl_c_ends_an_iteration_over_events(self) -> None:
        program = "import mccache\nq = mccache.get_cache().events()\nprint('waiting', flush=True)\nfor _ in q: pass"
        self.assertLess(self.interrupted(program), 5)


    def test_ctrl_c_ends_a_call_that_must_not_be_cut_into_slices(self) -> None:
        """As sync() and the cluster queries are made; the call itself is one that lasts, here a sleep."""
        program = (
            "import mccache._waits as w, time\nprint('waiting', flush=True)\nw.call_interruptibly(lambda: time.sleep(60))"
        )
        self.assertLess(self.interrupted(program), 5)


@unittest.skipUnless(hasattr(os, "fork"), "there is no fork here")
class Fork(Case):
    def test_children_join_as_members_of_their_own(self) -> None:
        """What gunicorn does with a preloaded application."""
        a = self.cache()
        self.succeeds(
            """
import mccache, os, sys, time
c = mccache.get_cache("c")
c["parent"] = os.getpid()
c.sync(20)
children = []
for number in range(3):
    pid = os.fork()
    if pid == 0:
        c[f"child{number}"] = os.getpid()
        deadline = time.monotonic() + 20
        while not all(f"child{i}" in c for i in range(3)) or "parent" not in c:
            assert time.monotonic() < deadline, sorted(c)
            time.sleep(0.01)
        c.sync(20)
        c.node.close()  # with a goodbye: the others need not wait for it
        os._exit(0)
    children.append(pid)
for pid in children:
    assert os.waitpid(pid, 0)[1] == 0
c["parent after"] = 1
c.sync(20)
"""
        )
        self.assertEqual(set(a), {"parent", "parent after", "child0", "child1", "child2"})

    def test_callbacks_run_in_the_child_after_its_first_use(self) -> None:
        self.succeeds(
            """
import mccache, os, threading
calls = []
c = mccache.get_cache("c", callback=lambda ctx: (calls.append(ctx["key"]), called.set()))
called = threading.Event()
c["k"] = 0; c["k"]; c["k"] = 1
assert called.wait(20)
pid = os.fork()
if pid == 0:
    called = threading.Event()
    calls.clear()
    assert [t.name for t in threading.enumerate()] == ["MainThread"]
    c["own"] = 0
    assert "mccache-callbacks" in [t.name for t in threading.enumerate()]
    c["own"]; c["own"] = 1
    assert called.wait(20)
    assert calls == ["own"], calls
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""
        )

    def test_a_child_that_uses_nothing_starts_nothing_and_ends(self) -> None:
        self.succeeds(
            """
import mccache, os, sys, gc
c = mccache.get_cache("c", callback=print)
c["k"] = 1
view, events, iterator = c.view("k"), c.events(), iter(c)
pid = os.fork()
if pid == 0:
    gc.collect()
    assert len(os.listdir("/proc/self/task")) == 1
    assert bytes(view) == b"\\x01"
    sys.exit(0)  # with atexit, and every object's end
assert os.waitpid(pid, 0)[1] == 0
c["k"] = 2
assert c["k"] == 2
"""
        )

    def test_multiprocessing_by_fork_works(self) -> None:
        self.succeeds(
            """
import multiprocessing, mccache
def work(n):
    c = mccache.get_cache("c")
    c[f"w{n}"] = n
    c.sync(20)
    return c[f"w{n}"]
c = mccache.get_cache("c")
c["before"] = 1
with multiprocessing.get_context("fork").Pool(3) as pool:
    assert pool.map(work, range(6)) == list(range(6))
"""
        )

    def test_a_fork_while_threads_work_leaves_no_broken_lock(self) -> None:
        self.succeeds(
            """
import mccache, os, threading
c = mccache.get_cache("c", callback=lambda ctx: None)
stop = threading.Event()
def work(n):
    i = 0
    while not stop.is_set():
        c[f"{n}-{i % 100}"] = i; c.get(f"{n}-5"); mccache.get_cache("c"); i += 1
threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
for t in threads: t.start()
for _ in range(10):
    pid = os.fork()
    if pid == 0:
        d = mccache.get_cache("d")
        d["k"] = 1
        assert d["k"] == 1 and mccache.get_cache("c") is c
        c["k"] = 2
        assert c["k"] == 2
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
stop.set()
for t in threads: t.join()
"""
        )


if __name__ == "__main__":
    unittest.main()
