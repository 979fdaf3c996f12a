"""The core's log, as a Python program hears it."""

import logging
import threading
import unittest
from typing import List

from support import Case

import mccache

LOG = logging.getLogger("mccache")


class Heard(logging.Handler):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.records: List[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def of(self, words: str) -> List[logging.LogRecord]:
        return [record for record in self.records if words in record.getMessage()]


class Log(Case):
    def setUp(self) -> None:
        super().setUp()
        self.heard = Heard()
        LOG.addHandler(self.heard)
        self.addCleanup(LOG.removeHandler, self.heard)
        self.addCleanup(LOG.setLevel, LOG.level)

    def joined(self, name: str) -> List[logging.LogRecord]:
        """Opens two nodes, until they know each other; what was heard of the one."""
        first, second = self.node(node_name="first"), self.node(node_name=name)
        self.eventually(lambda: first.members() and second.members())
        return self.heard.of(f"={name} ")

    def test_members_that_come_are_told_from_info_on(self) -> None:
        LOG.setLevel(logging.INFO)
        # A thread that listens already takes a moment to follow the level.
        record = self.eventually(lambda: self.joined("second"), "a record")[0]
        self.assertEqual((record.name, record.levelno), ("mccache", logging.INFO))
        self.assertTrue(record.getMessage().startswith("member joined "), record.getMessage())
        self.assertEqual(record.target, "mccache::protocol::admission")  # type: ignore[attr-defined]
        self.assertEqual(record.threadName, "mccache-log")

    def test_a_handler_that_fails_does_not_end_the_log(self) -> None:
        LOG.setLevel(logging.INFO)
        failed = threading.Event()

        def fail(record: logging.LogRecord) -> bool:
            if record.levelno != logging.INFO:
                return True
            failed.set()
            raise ValueError("a filter's own fault")

        raises, logging.raiseExceptions = logging.raiseExceptions, False
        self.addCleanup(setattr, logging, "raiseExceptions", raises)
        LOG.addFilter(fail)
        try:
            self.eventually(lambda: self.joined("third") or failed.is_set(), "a failure")
        finally:
            LOG.removeFilter(fail)
        self.eventually(lambda: self.joined("fourth"), "a record after it")

    def test_a_program_that_configures_nothing_is_not_written_to(self) -> None:
        program = "import mccache; a, b = mccache.Node(), mccache.Node(); a.close(); b.close(); print('done')"
        self.assertEqual(self.succeeds(program), "done\n")

    def test_the_last_words_are_heard_before_the_process_ends(self) -> None:
        program = (
            "import logging, sys, mccache\n"
            "logging.basicConfig(level=logging.INFO, stream=sys.stdout, format='%(name)s %(levelname)s %(message)s')\n"
            "a = mccache.Node(node_name='a'); b = mccache.Node(node_name='b')\n"
            "a.wait_ready(20); b.wait_ready(20)\n"
            "while not a.members(): pass\n"
            "b.close()\n"
            "while a.members(): pass\n"
        )
        self.assertIn("mccache INFO member left member=b", self.succeeds(program))

    @unittest.skipUnless(hasattr(mccache, "Node") and hasattr(__import__("os"), "fork"), "no fork here")
    def test_a_forked_child_hears_its_own_log(self) -> None:
        program = (
            "import logging, os, sys, time, mccache\n"
            "logging.basicConfig(level=logging.INFO, stream=sys.stdout, format='%(process)d %(message)s')\n"
            "node = mccache.Node(node_name='parent'); cache = node.cache('c'); cache['k'] = 1\n"
            "child = os.fork()\n"
            "if child == 0:\n"
            "    cache.get('k'); cache.node.wait_ready(20); assert cache['k'] == 1\n"
            "    sys.exit(0)\n"
            "assert os.waitpid(child, 0)[1] == 0\n"
            "print('child', child)\n"
        )
        said = self.succeeds(program)
        child = said.split("child ")[-1].strip()
        self.assertIn(f"{child} member joined member=parent", said)


if __name__ == "__main__":
    unittest.main()
