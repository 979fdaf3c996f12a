"""A row of SQLite in the cache of two nodes: once a transaction is committed, neither shows what was before it.

One node changes the row a hundred times, each transaction within `invalidating`; a thread reads on the other node all the
time. With a plain `del` after the transaction a reader would sometimes see the row that has just been overwritten.
"""

import os
import sqlite3
import tempfile
import threading

import mccache

CHANGES = 100
KEY = "product:7"
SOON_S = 10

folder = tempfile.TemporaryDirectory()
FILE = os.path.join(folder.name, "shop.db")
committed = 0  # the price that the database has said is committed
over = threading.Event()
failures, reads, hits = [], 0, 0


def read_all_the_time(cache: mccache.Cache) -> None:
    """What a web application's readers do: the cache, or else the row."""
    global reads, hits
    db = sqlite3.connect(FILE)
    loads = 0

    def load() -> int:
        nonlocal loads
        loads += 1
        return db.execute("SELECT price FROM product WHERE id = 7").fetchone()[0]

    while not over.is_set():
        least = committed
        price = cache.get_or_load(KEY, load)
        if price < least:
            failures.append((price, least))
        reads += 1
    hits = reads - loads
    db.close()


cluster = f"transaction-{os.getpid()}"
with mccache.Node(cluster=cluster, node_name="writer") as a, mccache.Node(cluster=cluster, node_name="reader") as b:
    on_a, on_b = a.cache("shop"), b.cache("shop")
    a.wait_ready(SOON_S)
    b.wait_ready(SOON_S)
    db = sqlite3.connect(FILE)
    with db:
        db.execute("CREATE TABLE product (id INTEGER PRIMARY KEY, price INTEGER)")
        db.execute("INSERT INTO product VALUES (7, 0)")
    reader = threading.Thread(target=read_all_the_time, args=[on_b])
    reader.start()
    for price in range(1, CHANGES + 1):
        with on_a.invalidating(KEY, timeout=SOON_S) as invalidation:
            if not invalidation.complete:
                raise SystemExit("a member did not answer")
            with db:
                db.execute("UPDATE product SET price = ? WHERE id = 7", [price])
            committed = price
    over.set()
    reader.join()
    db.close()
print(f"{reads} reads, {hits} of them from the cache, while the row changed {CHANGES} times: {len(failures)} of an older row")
if failures or not reads:
    raise SystemExit(f"older rows were read: {failures[:5]}")
folder.cleanup()
