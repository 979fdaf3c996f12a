"""A change of the cluster's key while it runs."""

import unittest

import mccache
from mccache import ClusterKey, KeyRole
from support import Case

OLD, NEW = "1:" + "01" * 32, "2:" + "02" * 32


class Keys(Case):
    def keyed(self, key: str) -> mccache.Node:
        return self.node(crypto_key=key, interface="127.0.0.1")

    def test_a_key_is_changed_while_values_cross(self) -> None:
        nodes = [self.keyed(OLD), self.keyed(OLD)]
        a, b = (node.cache("c") for node in nodes)
        self.eventually(lambda: nodes[0].keys() == [ClusterKey(1, KeyRole.PRIMARY, 1)])
        for node in nodes:
            node.add_key(NEW)
            self.assertEqual([key.role for key in node.keys()], [KeyRole.PRIMARY, KeyRole.DECRYPT_ONLY])
        for node in nodes:
            node.set_primary_key(2)
        a["k"] = "sealed anew"
        self.eventually(lambda: b.get("k") == "sealed anew")
        unused = [ClusterKey(1, KeyRole.RETIRED, 0), ClusterKey(2, KeyRole.PRIMARY, 1)]
        self.eventually(lambda: all(node.keys() == unused for node in nodes), "the old key to be unused")
        for node in nodes:
            node.remove_key(1)
        b["k"] = "without the old one"
        self.eventually(lambda: a["k"] == "without the old one")
        self.assertEqual([key.id for key in nodes[0].keys()], [2])

    def test_bad_keys_and_ids_change_nothing_and_are_not_shown(self) -> None:
        node = self.keyed(OLD)
        for bad in ("", "x", "2:abc", "0:" + "02" * 32, "256:" + "02" * 32, "1:" + "03" * 32, b"\xff", "2:\ud800"):
            with self.subTest(key=ascii(bad)), self.assertRaises(ValueError) as raised:
                node.add_key(bad)
            self.assertNotIn("03" * 32, str(raised.exception))
        for bad in (None, 5, [NEW]):
            with self.assertRaisesRegex(TypeError, "key: expected"):
                node.add_key(bad)
        for change in (node.set_primary_key, node.remove_key):
            for bad in (0, -1, 256, 7, 2**70):
                with self.subTest(id=bad), self.assertRaises(mccache.InvalidArgumentError):
                    change(bad)
            for bad in ("1", None, True, 1.0):
                with self.assertRaisesRegex(TypeError, "id: expected"):
                    change(bad)
        with self.assertRaises(mccache.InvalidArgumentError):
            node.remove_key(1)
        node.set_primary_key(1)
        node.add_key(OLD)
        self.assertEqual(node.keys(), [ClusterKey(1, KeyRole.PRIMARY, 0)])
        with self.assertRaises(mccache.InvalidArgumentError):
            self.node().add_key(NEW)
        node.close()
        for use in (node.keys, lambda: node.add_key(NEW), lambda: node.set_primary_key(1), lambda: node.remove_key(2)):
            with self.assertRaises(mccache.ClosedError):
                use()


if __name__ == "__main__":
    unittest.main()
