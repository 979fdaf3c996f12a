"""Callbacks and events."""

import contextlib
import datetime
import os
import queue
import tempfile
import threading
import time
import unittest
from typing import Any, Dict, Iterator

import mccache
from support import SOON_S, Case


@contextlib.contextmanager
def variable(name: str, value: str) -> Iterator[None]:
    """An environment variable for a while."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


class Callbacks(Case):
    def setUp(self) -> None:
        super().setUp()
        self.calls: "queue.Queue[Dict[str, Any]]" = queue.Queue()

    def test_a_change_of_what_was_looked_up_calls_back(self) -> None:
        a = self.cache()
        b = self.node().cache("c", callback=self.calls.put)
        a["k"] = "first"
        self.eventually(lambda: b.get("k") == "first")
        a["k"] = "second"
        context = self.calls.get(timeout=SOON_S)
        self.assertEqual((context["typ"], context["nms"], context["key"]), (mccache.CallbackType.UPDATE, "c", "k"))
        self.assertEqual((context["local"], context["member"]), (False, a.node.name))
        self.assertGreater(context["elp"], 0)
        self.assertEqual(context["tsm"], context["lkp"] + context["elp"])
        self.assertNotEqual(context["prvcrc"], context["newcrc"])
        self.assertEqual(context["newcrc"], b.metadata["k"]["crc"])

    def test_a_delete_a_clear_and_a_tag_call_back_without_a_new_crc(self) -> None:
        a = self.cache()
        b = self.node().cache("c", callback=self.calls.put)
        for remove in (lambda: a.pop("k"), lambda: a.clear(), lambda: a.invalidate_tag("t")):
            a.put("k", "value", tags=["t"])
            self.eventually(lambda: b.get("k") == "value")
            remove()
            context = self.calls.get(timeout=SOON_S)
            self.assertEqual((context["typ"], context["key"]), (mccache.CallbackType.DELETE, "k"))
            self.assertIsNone(context["newcrc"])
            self.assertIsNotNone(context["prvcrc"])

    def test_this_process_s_own_change_calls_back_and_says_so(self) -> None:
        c = self.node().cache("c", callback=self.calls.put)
        c["k"] = 1
        c[b"k"]
        c["k"] = 2
        context = self.calls.get(timeout=SOON_S)
        self.assertEqual((context["key"], context["local"]), ("k", True))

    def test_what_was_not_looked_up_or_did_not_change_does_not_call_back(self) -> None:
        c = self.node().cache("c", callback=self.calls.put)
        c["unread"] = 1
        c["unread"] = 2
        c["same"] = 1
        c["same"]
        c["same"] = 1
        c["marker"] = 1
        c["marker"]
        c["marker"] = 2
        self.assertEqual(self.calls.get(timeout=SOON_S)["key"], "marker")
        self.assertTrue(self.calls.empty())

    def test_a_change_after_the_window_does_not_call_back(self) -> None:
        self.assert_window_of_a_second(self.node(callback_win=1))

    def test_the_window_may_be_set_in_the_file_and_in_the_environment(self) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file, variable("MCCACHE_CONFIG", file.name):
            file.write("callback_win = 1\n")
            file.flush()
            self.assert_window_of_a_second(self.node())
            with variable("MCCACHE_CALLBACK_WIN", "2.5"):
                self.assertEqual(self.node()._window, 2.5)
                self.assertEqual(self.node(callback_win=datetime.timedelta(seconds=3))._window, 3)
        self.assertEqual(self.node()._window, 5)

    def test_a_window_of_zero_never_calls_back(self) -> None:
        c = self.node(callback_win=0).cache("c", callback=self.calls.put)
        c["k"] = 1
        c["k"]
        c["k"] = 2
        self.eventually(lambda: c.metadata["k"]["lkp"] == 0, "the thread forgets the look-up")
        self.assertTrue(self.calls.empty())

    def assert_window_of_a_second(self, node: mccache.Node) -> None:
        c = node.cache("c", callback=self.calls.put)
        c["late"] = 1
        c["late"]
        looked_up = c.metadata["late"]["lkp"]
        self.eventually(lambda: time.time_ns() - looked_up > 1_100_000_000)
        c["late"] = 2
        c["marker"] = 1
        c["marker"]
        c["marker"] = 2
        self.assertEqual(self.calls.get(timeout=SOON_S)["key"], "marker")

    def test_an_exception_is_logged_and_does_not_end_the_thread(self) -> None:
        def fail(context: Dict[str, Any]) -> None:
            self.calls.put(context)
            raise RuntimeError("the application's own")

        c = self.node().cache("c", callback=fail)
        with self.assertLogs("mccache", "ERROR") as logs:
            for value in (2, 3):
                c["k"] = 1
                c["k"]
                c["k"] = value
                self.calls.get(timeout=SOON_S)
                self.eventually(lambda: self.calls.empty())
            self.eventually(lambda: len(logs.output) >= 2)
        self.assertIn("the application's own", logs.output[0])

    def test_the_last_callback_given_is_the_one_called(self) -> None:
        node, old = self.node(), queue.Queue()
        c = node.cache("c", callback=old.put)
        self.assertIs(node.cache("c", callback=self.calls.put), c)
        self.assertIs(node.cache("c"), c)
        c["k"] = 1
        c["k"]
        c["k"] = 2
        self.calls.get(timeout=SOON_S)
        self.assertTrue(old.empty())

    def test_something_that_cannot_be_called_is_a_type_error(self) -> None:
        with self.assertRaisesRegex(TypeError, "callback"):
            self.node().cache("c", callback=5)

    def test_a_callback_may_use_and_close_the_cache(self) -> None:
        node, done = self.node(), threading.Event()

        def use(context: Dict[str, Any]) -> None:
            c["seen"] = context["key"]
            node.close()
            done.set()

        c = node.cache("c", callback=use)
        c["k"] = 1
        c["k"]
        c["k"] = 2
        self.assertTrue(done.wait(SOON_S))
        with self.assertRaises(mccache.ClosedError):
            c["k"]

    def test_close_ends_the_thread(self) -> None:
        node = self.node()
        node.cache("c", callback=self.calls.put)
        self.assertIn("mccache-callbacks", [thread.name for thread in threading.enumerate()])
        node.close()
        self.eventually(lambda: "mccache-callbacks" not in [thread.name for thread in threading.enumerate()])

    def test_a_watched_cache_is_still_a_dict(self) -> None:
        c = self.node().cache("c", callback=self.calls.put)
        c["k"] = [1]
        self.assertEqual((c["k"], c.get("k"), c.get("nobody", 5), c == {"k": [1]}), ([1], [1], 5, True))
        with self.assertRaises(KeyError):
            c["nobody"]
        self.assertGreater(c.metadata["k"]["lkp"], 0)


class EventQueues(Case):
    def test_events_of_a_cache_come_in_order_and_end_with_close(self) -> None:
        c = self.cache()
        events = c.events()
        c["k"] = 1
        del c["k"]
        c.clear()
        kinds = [events.next(timeout=SOON_S).kind for _ in range(3)]
        self.assertEqual(kinds, [mccache.EventKind.PUT, mccache.EventKind.DELETE, mccache.EventKind.CLEAR])
        self.assertIsNone(events.next(timeout=0))
        events.close()
        self.assertEqual(list(events), [])
        with self.assertRaises(mccache.ClosedError):
            events.next(timeout=1)

    def test_closing_the_node_ends_a_waiting_iteration(self) -> None:
        c = self.cache()
        events, seen = c.node.events(), []
        waiter = threading.Thread(target=lambda: seen.extend(events))
        waiter.start()
        c["k"] = 1
        self.eventually(lambda: seen)
        c.node.close()
        waiter.join(SOON_S)
        self.assertFalse(waiter.is_alive())
        self.assertEqual(seen[0].key, "k")

    def test_members_that_come_and_go_are_events(self) -> None:
        a = self.node()
        with a.events() as events:
            b = self.node(node_name="the-other")
            joined = events.next(timeout=SOON_S)
            self.assertEqual((joined.kind, joined.member), (mccache.EventKind.MEMBER_JOINED, "the-other"))
            self.eventually(lambda: [member.name for member in a.members()] == ["the-other"])
            b.close()
            left = events.next(timeout=SOON_S)
            self.assertEqual((left.kind, left.member), (mccache.EventKind.MEMBER_LEFT, "the-other"))


class EventsOfLookups(Case):
    def test_only_what_was_read_within_the_window_is_told(self) -> None:
        a = self.node(node_name="a").cache("c")
        b = self.node(node_name="b").cache("c")
        a["read"] = a["unread"] = 1
        a.sync(SOON_S)
        with b.events_of_lookups(window=SOON_S) as events:
            self.assertEqual(b["read"], 1)
            a["unread"] = a["read"] = 2
            event = events.next(timeout=SOON_S)
            assert event is not None
            self.assertEqual((event.kind, event.key, event.member, event.local), (mccache.EventKind.PUT, "read", "a", False))
            self.assertEqual(b.get_or_load("loaded", lambda: 3), 3)
            b.sync(SOON_S)
            del a["loaded"]
            event = events.next(timeout=SOON_S)
            assert event is not None
            self.assertEqual((event.kind, event.key), (mccache.EventKind.DELETE, "loaded"))
            self.assertIsNone(events.next(timeout=0))
        with self.assertRaises(ValueError):
            b.events_of_lookups(window=0)


if __name__ == "__main__":
    unittest.main()
