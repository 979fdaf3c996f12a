"""A cache has a dictionary's manners. The judge is a dictionary."""

import collections
import random
import threading
import unittest
from collections.abc import MutableMapping
from typing import Any, Callable, Dict, List, Tuple

import mccache
from support import Case

OPERATIONS = 5_000
SEED = 20_240_229


def outcome(call: Callable[[], Any]) -> Tuple[str, Any]:
    """What a call answers or raises."""
    try:
        return "answer", call()
    except Exception as error:
        return type(error).__name__, error.args if isinstance(error, KeyError) else None


class AgainstADict(Case):
    def test_random_operations_answer_what_a_dict_answers(self) -> None:
        c, d, dice = self.cache(), {}, random.Random(SEED)
        keys = [f"k{i}" for i in range(20)] + ["", "\0", "é", "\U0001f980"]
        values: List[Any] = [b"", b"x", "", "text", None, True, 0, -1, 2**70, 1.5, [1, "a", None], {"a": [b"b"]}]
        operations: List[Callable[[Any, str, Any], Any]] = [
            lambda m, k, v: m.__setitem__(k, v),
            lambda m, k, v: m.__setitem__(k, v),
            lambda m, k, v: m[k],
            lambda m, k, v: m.__delitem__(k),
            lambda m, k, v: k in m,
            lambda m, k, v: len(m),
            lambda m, k, v: bool(m),
            lambda m, k, v: m.get(k),
            lambda m, k, v: m.get(k, v),
            lambda m, k, v: m.pop(k),
            lambda m, k, v: m.pop(k, v),
            lambda m, k, v: m.setdefault(k, v),
            lambda m, k, v: m.setdefault(k),
            lambda m, k, v: m.update({k: v}),
            lambda m, k, v: m.update([(k, v), (k + "x", v)]),
            lambda m, k, v: m.update(keyword=v),
            lambda m, k, v: set(m),
            lambda m, k, v: (k, v) in m.items(),
            lambda m, k, v: sorted(m.keys() & {k, "k1"}),
            lambda m, k, v: len(m.values()),
            lambda m, k, v: dict(m.copy()),
            lambda m, k, v: dict(m),
            lambda m, k, v: m == {k: v},
            lambda m, k, v: m != {},
            lambda m, k, v: m | {k: v},
            lambda m, k, v: {k: v, "k1": 1} | m,
        ]
        for step in range(OPERATIONS):
            operation, key, value = dice.choice(operations), dice.choice(keys), dice.choice(values)
            ours, theirs = outcome(lambda: operation(c, key, value)), outcome(lambda: operation(d, key, value))
            self.assertEqual(ours, theirs, f"step {step} of seed {SEED}, key {key!r}, value {value!r}")
            if step % 100 == 0:
                self.assertEqual(c, d)
                self.assertEqual(dict(c.items()), d)
            if dice.random() < 0.002:
                c.clear()
                d.clear()

    def test_popitem_empties_it(self) -> None:
        c, d = self.cache(), {f"k{i}": i for i in range(50)}
        c.update(d)
        taken: Dict[Any, Any] = dict(c.popitem() for _ in range(50))
        self.assertEqual(taken, d)
        with self.assertRaises(KeyError):
            c.popitem()

    def test_it_is_a_mutable_mapping_and_unhashable(self) -> None:
        c = self.cache()
        self.assertIsInstance(c, MutableMapping)
        self.assertIsInstance(c, mccache.Cache)
        with self.assertRaises(TypeError):
            hash(c)
        with self.assertRaises(TypeError):
            reversed(c)
        for name in ("append", "acquire", "disown", "next", "own"):
            self.assertFalse(hasattr(c, name), name)

    def test_update_takes_what_a_dict_takes(self) -> None:
        class OnlyKeys:
            def keys(self) -> List[str]:
                return ["a", "b"]

            def __getitem__(self, key: str) -> str:
                return key * 2

        other = self.alone()
        other["o"] = 1
        forms: List[Tuple[Any, Dict[str, Any]]] = [
            ({"a": 1}, {}), ([("a", 1)], {}), ((), {"kw": 1}), (OnlyKeys(), {"c": 3}), ([["a", "b"]], {}),
            (collections.OrderedDict(z=1), {}), (zip("ab", [1, 2]), {}), ({}, {"self": 1, "other": 2}),
        ]  # fmt: skip
        for form, keywords in forms:
            form = list(form) if isinstance(form, zip) else form
            with self.subTest(form=form):
                c, d = self.alone(), {}
                c.update(form, **keywords)
                d.update(form, **keywords)
                self.assertEqual(c, d)
        c = self.alone()
        c |= other
        self.assertEqual(c, {"o": 1})
        for bad in (5, [1], [("a",)]):
            with self.subTest(bad=bad), self.assertRaises((TypeError, ValueError)):
                c.update(bad)

    def test_add_and_delete_tell_whether_they_did(self) -> None:
        c = self.cache()
        self.assertEqual((c.delete("k"), c.add("k", None, ttl=50), c.add("k", 2), c["k"]), (False, True, False, None))
        self.assertLessEqual(c.metadata["k"]["ttl"], 50)
        self.assertEqual((c.delete(b"k"), c.delete("k"), "k" in c), (True, False, False))
        for bad in (lambda: c.delete(5), lambda: c.add(5, 1), lambda: c.add("k", object()), lambda: c.add("k", 1, ttl="5")):
            with self.assertRaises(TypeError):
                bad()
        with self.assertRaises(ValueError):
            c.add("k", 1, ttl=0)
        self.assertEqual(len(c), 0)

    def test_equality(self) -> None:
        a, b = self.alone(), self.alone()
        self.assertEqual(a, b)
        a["k"] = [1]
        self.assertNotEqual(a, b)
        b["k"] = [1]
        self.assertEqual(a, b)
        self.assertEqual({"k": [1]}, a)
        self.assertEqual(a, collections.UserDict(k=[1]))
        self.assertFalse(a == 5)
        self.assertTrue(a != [("k", [1])])

    def test_iteration_survives_writers(self) -> None:
        c = self.cache()
        steady = {f"steady{i}": i for i in range(300)}
        c.update(steady)
        stop = threading.Event()

        def write() -> None:
            i = 0
            while not stop.is_set():
                c[f"moving{i % 500}"] = i
                c.pop(f"moving{(i * 7) % 500}", None)
                i += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(50):
                seen = list(c)
                self.assertEqual(len(seen), len(set(seen)))
                self.assertLessEqual(set(steady), set(seen))
                items = c.copy()
                self.assertEqual({key: items[key] for key in steady}, steady)
                self.assertGreaterEqual(len(list(c.values())), len(steady))
        finally:
            stop.set()
            writer.join()

    def test_keys_come_back_as_text_where_they_are_text(self) -> None:
        c = self.cache()
        c[b"text"], c["t2"], c[b"\xff\xfe"] = 1, 2, 3
        self.assertEqual(set(c), {"text", "t2", b"\xff\xfe"})
        self.assertEqual(c["text"], 1)
        self.assertEqual(c[b"t2"], 2)
        for key in c:
            self.assertIn(key, c)

    def test_reading_all_entries_counts_as_no_use(self) -> None:
        c = self.cache()
        c.update({f"k{i}": [i] for i in range(100)})
        self.assertEqual(sorted(c.values()), [[i] for i in range(100)])
        self.assertEqual(dict(c.items()), {f"k{i}": [i] for i in range(100)})
        self.assertEqual((c.stats().hits, c.stats().misses), (0, 0))

    def test_setdefault_lets_one_thread_win(self) -> None:
        c = self.cache()
        for attempt in range(50):
            start, answers = threading.Barrier(4), []

            def race(number: int, key: str = f"k{attempt}", start: Any = start, answers: Any = answers) -> None:
                start.wait()
                answers.append(c.setdefault(key, number))

            threads = [threading.Thread(target=race, args=(number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(len(set(answers)), 1)


if __name__ == "__main__":
    unittest.main()
