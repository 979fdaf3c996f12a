"""Nodes and processes that agree."""

import unittest

import mccache
from support import Case

MEMBER = """
import mccache, sys
me, others = sys.argv[1], sys.argv[2].split(",")
node = mccache.Node(node_name=me)
c = node.cache("c")
import time
deadline = time.monotonic() + 40
while len(node.members()) < len(others) and time.monotonic() < deadline:
    time.sleep(0.01)
for i in range(200):
    c[f"shared{i}"] = [me, i]
    c[f"{me}-{i}"] = me
    if i % 3 == 0:
        del c[f"{me}-{i}"]
c["done-" + me] = True
c.sync(40)
while not all("done-" + other in c for other in others) and time.monotonic() < deadline:
    time.sleep(0.01)
c.sync(40)
while time.monotonic() < deadline:
    sums = node.cache("c").cluster_checksum(timeout=5)
    if len(sums) == 3 and len(set(sums.values())) == 1 and None not in sums.values():
        break
    time.sleep(0.05)
print(c.checksum().sum, len(c), flush=True)
sys.stdin.readline()
"""


class Cluster(Case):
    def test_three_processes_agree(self) -> None:
        import os
        import subprocess
        import sys

        names = ["one", "two", "three"]
        children = []
        for name in names:
            others = ",".join(other for other in names if other != name)
            child = subprocess.Popen(
                [sys.executable, "-X", "dev", "-c", MEMBER, name, others],
                env={**os.environ, "MCCACHE_CLUSTER": self.cluster},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            children.append(child)
        try:
            answers = [child.stdout.readline() for child in children]
        finally:
            for child in children:
                child.communicate("\n", timeout=30)
        self.assertEqual(len(set(answers)), 1, answers)
        # 200 shared keys, each member's 200 less the 67 it deleted, and three marks.
        self.assertEqual(answers[0].split()[1], str(200 + 3 * (200 - 67) + 3))
        self.assertEqual([child.returncode for child in children], [0, 0, 0])

    def test_caches_of_one_name_in_two_clusters_are_apart(self) -> None:
        a, b = self.cache(), self.alone()
        a["k"] = 1
        a.sync(20)
        self.assertNotIn("k", b)

    def test_cluster_queries_answer_with_every_member(self) -> None:
        a = self.node(node_name="a")
        b = self.node(node_name="b")
        ca, cb = a.cache("c"), b.cache("c")
        self.eventually(lambda: len(a.members()) == 1)
        ca.update({f"k{i}": i for i in range(100)})
        ca.sync(20)
        sums = self.eventually(lambda: agreed(ca.cluster_checksum(timeout=10)))
        self.assertEqual(list(sums), ["a", "b"])
        self.assertEqual(sums["a"], cb.checksum())
        self.assertEqual(sums["a"].entries, 100)
        metrics = a.cluster_metrics(timeout=10)
        self.assertEqual(list(metrics), ["a", "b"])
        self.assertEqual(metrics["a"]["cache_entries"], 100)
        self.assertEqual(set(metrics["a"]), set(a.metrics()))

    def test_members_of_one_name_are_told_apart(self) -> None:
        a, b = self.node(node_name="same"), self.node(node_name="same")
        ca, cb = a.cache("c"), b.cache("c")
        self.eventually(lambda: len(a.members()) == 1)
        ca["k"] = 1
        ca.sync(20)
        self.eventually(lambda: "k" in cb)
        self.assertEqual(list(ca.cluster_checksum(timeout=10)), ["same", "same (2)"])
        self.assertEqual(list(a.cluster_metrics(timeout=10)), ["same", "same (2)"])

    def test_a_token_is_waited_for_here_and_asked_for_there(self) -> None:
        a, b = self.cache(), self.cache()
        token = a.put_token("k", ["v", 1])
        a.sync_token(token, 20, members=1)
        self.assertEqual(b.get_at_least("k", token), ["v", 1])
        # As after a way through a message: plain numbers, and the position does not matter to a reader.
        self.assertEqual(b.get_at_least("k", mccache.Token(token.version_clock, token.version_origin, 0)), ["v", 1])
        self.assertEqual(b.get_at_least("k", token._replace(version_clock=token.version_clock + 1), "none"), "none")
        a.sync_token(token, 20)
        deleted = a.delete_token("k")
        a.sync_token(deleted, 20, members=1)
        self.assertIsNone(b.get_at_least("k", token))
        self.assertGreater(a.delete_token("k").version_clock, deleted.version_clock)
        with self.assertRaisesRegex(mccache.TimeoutError, "2 members"):
            a.sync_token(deleted, 0.02, members=2)
        with self.assertRaisesRegex(mccache.InvalidArgumentError, "another process"):
            b.sync_token(deleted)
        with self.assertRaisesRegex(ValueError, "at least 1"):
            a.sync_token(deleted, members=0)
        for wrong in (lambda: a.sync_token(deleted, members="2"), lambda: a.sync_token(None),
                      lambda: a.get_at_least("k", (1, 2, 3))):
            with self.assertRaises(TypeError):
                wrong()

    def test_the_original_s_cluster_functions_answer_instead_of_logging(self) -> None:
        self.own_node()
        c = mccache.get_cache("demo")
        b = self.node(node_name="b")
        b.cache("demo")
        self.eventually(lambda: len(c.node.members()) == 1)
        c["k"] = 1
        c.sync(20)
        sums = self.eventually(lambda: agreed(mccache.get_cluster_checksum("demo", timeout=10)))
        self.assertEqual(set(sums), {c.node.name, "b"})
        self.assertEqual(list(mccache.get_cluster_checksum("demo", node="b")), ["b"])
        self.assertEqual(set(mccache.get_cluster_metrics(timeout=10)), {c.node.name, "b"})
        with self.assertRaisesRegex(ValueError, "no live member is called 'nobody'"):
            mccache.get_cluster_metrics(node="nobody")

    def test_a_joiner_is_filled(self) -> None:
        a = self.cache()
        a.update({f"k{i}": i for i in range(500)})
        b = self.node()
        cb = b.cache("c")
        b.wait_ready(20)
        self.eventually(lambda: cb == a)

    def test_members_tell_who_is_there(self) -> None:
        a, b = self.node(node_name="a"), self.node(node_name="b")
        (member,) = self.eventually(lambda: a.members())
        self.assertEqual((member.name, member.version), ("b", mccache.__version__))
        self.assertRegex(member.session, "^[0-9a-f]{24}$")
        self.assertEqual(repr(b), "<mccache.Node 'b'>")

    def test_clear_empties_every_member(self) -> None:
        a, b = self.cache(), self.cache()
        a["k"] = 1
        self.eventually(lambda: "k" in b)
        b.clear()
        self.eventually(lambda: len(a) == 0)


def agreed(sums):
    """The answers, once all members have answered the same."""
    return sums if len(sums) > 1 and None not in sums.values() and len(set(sums.values())) == 1 else None


if __name__ == "__main__":
    unittest.main()
