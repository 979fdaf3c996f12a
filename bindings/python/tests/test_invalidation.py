"""invalidating: nothing of its keys is held or put from the beginning of the block to its end."""

import asyncio
import gc
import sqlite3
import threading
import unittest
from typing import List

import mccache
from support import SOON_S, Case


class Invalidations(Case):
    def test_in_the_block_its_keys_are_misses_and_what_is_loaded_is_not_put(self) -> None:
        c = self.cache()
        c["a"], c["b"], c["c"] = 1, 1, 1
        with c.invalidating("a", b"b", timeout=SOON_S) as invalidation:
            self.assertTrue(invalidation.complete)
            self.assertEqual(list(c), ["c"])
            self.assertEqual(c.get_or_load("a", lambda: "before"), "before")
            self.assertNotIn("a", c)
        self.assertTrue(invalidation.in_time)
        self.assertEqual(c.get_or_load("a", lambda: "after"), "after")
        self.assertEqual(c["a"], "after")

    def test_a_load_that_began_before_or_within_is_not_put_after_it(self) -> None:
        c = self.cache()
        within, over = threading.Event(), threading.Event()
        loaded: List[str] = []

        def load() -> str:
            within.set()
            over.wait()
            return "before"

        loader = threading.Thread(target=lambda: loaded.append(c.get_or_load("k", load)))
        loader.start()
        within.wait()
        with c.invalidating("k"):
            pass
        over.set()
        loader.join()
        self.assertEqual((loaded, c.get("k")), (["before"], None))

    def test_a_block_that_raises_has_invalidated(self) -> None:
        c = self.cache()
        with self.assertRaises(ZeroDivisionError), c.invalidating("k") as invalidation:
            c["k"] = "meanwhile"
            raise ZeroDivisionError
        self.assertTrue(invalidation.in_time)
        self.assertNotIn("k", c)
        self.assertEqual(c.get_or_load("k", lambda: 1), 1)
        self.assertIn("k", c)

    def test_one_that_is_aborted_ends_there_and_changes_nothing(self) -> None:
        c = self.cache()
        with c.invalidating("k") as invalidation:
            invalidation.abort()
            c["k"] = "kept"
        self.assertEqual((c["k"], invalidation.in_time), ("kept", None))
        with self.assertRaises(ValueError):
            invalidation.abort()

    def test_who_is_late_is_told(self) -> None:
        c = self.cache()
        with c.invalidating("k", limit=0.001) as invalidation:
            while "k" not in c:
                c.get_or_load("k", lambda: "too early")
        self.assertIs(invalidation.in_time, False)
        self.assertNotIn("k", c)

    def test_it_can_be_awaited(self) -> None:
        c = self.cache()

        async def change() -> None:
            async with c.invalidating("k", timeout=SOON_S) as invalidation:
                self.assertTrue(invalidation.complete)
                self.assertEqual(c.get_or_load("k", lambda: 1), 1)
                self.assertNotIn("k", c)

        asyncio.run(change())
        self.assertEqual(c.get_or_load("k", lambda: 2), 2)
        self.assertIn("k", c)

    def test_one_that_is_forgotten_ends(self) -> None:
        c = self.cache()
        invalidation = c.invalidating("k").__enter__()
        c.get_or_load("k", lambda: 1)
        self.assertNotIn("k", c)
        del invalidation
        gc.collect()
        c.get_or_load("k", lambda: 1)
        self.assertIn("k", c)

    def test_what_cannot_begin_is_refused(self) -> None:
        c = self.cache()
        for arguments, options in (((), {}), (["k"] * 65, {}), (["k"], {"limit": 0}), (["k"], {"limit": 601})):
            with self.subTest(keys=len(arguments), options=options), self.assertRaises(ValueError):
                with c.invalidating(*arguments, **options):
                    self.fail("it began")
        with self.assertRaises(TypeError):
            c.invalidating(1)  # type: ignore[arg-type]
        begun = c.invalidating("k")
        c.close()
        with self.assertRaises(mccache.ClosedError), begun:
            self.fail("it began")

    def test_with_a_transaction_of_sqlite(self) -> None:
        db = sqlite3.connect(":memory:", check_same_thread=False)
        self.addCleanup(db.close)
        db.execute("CREATE TABLE product (id INTEGER PRIMARY KEY, price INTEGER)")
        db.execute("INSERT INTO product VALUES (7, 1)")
        db.commit()
        c = self.cache()

        def price() -> int:
            return int(db.execute("SELECT price FROM product WHERE id = 7").fetchone()[0])

        self.assertEqual(c.get_or_load("product:7", price), 1)
        with c.invalidating("product:7"):
            with db:
                db.execute("UPDATE product SET price = 2 WHERE id = 7")
            self.assertEqual(c.get_or_load("product:7", price), 2)
        self.assertEqual((c.get_or_load("product:7", price), c["product:7"]), (2, 2))


if __name__ == "__main__":
    unittest.main()
