"""What all tests share: a deadline, a cluster of its own for each, and waiting for a condition instead of a time."""

import faulthandler
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from typing import Any, Callable

import mccache

#: A test that takes longer hangs: the process ends with every thread's traceback.
TEST_DEADLINE_S = 120
#: For what happens in milliseconds, on a machine that is busy.
SOON_S = 20
_numbers = itertools.count()

# No file of the directory the tests are started in, and no variable of the developer's, is to be read.
os.chdir(tempfile.gettempdir())
for variable in [name for name in os.environ if name.startswith("MCCACHE_")]:
    del os.environ[variable]
os.environ["MCCACHE_CONFIG"] = ""


def close_behind(node: mccache.Node) -> None:
    """Closes a node while the next test begins: a goodbye takes a quarter of a second."""
    threading.Thread(target=node.close, name="closing").start()


class Case(unittest.TestCase):
    """A test with a cluster that nothing else uses."""

    def setUp(self) -> None:
        faulthandler.dump_traceback_later(TEST_DEADLINE_S, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)
        self.cluster = f"py-{os.getpid()}-{next(_numbers)}"

    def node(self, **settings: Any) -> mccache.Node:
        """Another node of the test's cluster, in this process."""
        settings.setdefault("cluster", self.cluster)
        node = mccache.Node(**settings)
        self.addCleanup(close_behind, node)
        return node

    def cache(self, **settings: Any) -> mccache.Cache:
        """A cache of a new node."""
        return self.node(**settings).cache("c")

    def alone(self) -> mccache.Cache:
        """A cache in a cluster where nobody else is."""
        return self.cache(cluster=f"{self.cluster}-{next(_numbers)}")

    def own_node(self) -> None:
        """Lets get_cache() start the process's own node anew, in the test's cluster."""
        os.environ["MCCACHE_CLUSTER"] = self.cluster
        self.addCleanup(os.environ.pop, "MCCACHE_CLUSTER", None)
        self.addCleanup(lambda: mccache.get_cache().node.close())

    def eventually(self, condition: Callable[[], Any], what: str = "the condition") -> Any:
        """Waits for a condition, and fails if it does not come."""
        deadline = time.monotonic() + SOON_S
        while True:
            result = condition()
            if result:
                return result
            if time.monotonic() > deadline:
                self.fail(f"{what} did not come true in {SOON_S} s")
            time.sleep(0.002)

    def python(self, program: str, *arguments: str, timeout: float = 60) -> "subprocess.CompletedProcess[str]":
        """Runs a program in a process of its own, in the test's cluster."""
        return subprocess.run(
            [sys.executable, "-X", "dev", "-W", "ignore::DeprecationWarning", "-c", program, *arguments],
            env={**os.environ, "MCCACHE_CLUSTER": self.cluster},
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def succeeds(self, program: str, *arguments: str) -> str:
        """Runs a program that must end by itself with 0 and say nothing on stderr; answers its output."""
        ended = self.python(program, *arguments)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""), ended.stdout)
        return ended.stdout
