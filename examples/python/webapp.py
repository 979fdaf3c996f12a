"""A web application that caches rows of a database in front of it, and stays coherent over two processes.

    python webapp.py                                shows itself: two servers, a database, five hundred requests
    python webapp.py serve --port 8000 --db FILE    serves until stopped

A GET asks the cache, and on a miss the database, once however many ask at the same time. A PUT writes to the database,
commits, and then deletes the entry, on every member; the next GET, wherever it comes, loads what is new. A load that
was begun before does not bring the old price back: the delete wins.

It needs Flask: pip install flask.
"""

import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing
from decimal import Decimal, InvalidOperation
from typing import Any, Dict, List, Optional, Tuple

import mccache

PRODUCTS = 1000
DEADLINE_S = 10


# ---- The application ------------------------------------------------------------------------------------------------


def application(database: str) -> Any:
    """Flask's application object."""
    from flask import Flask, Response, jsonify, request

    app = Flask("webapp")
    cache = mccache.get_cache("products")
    counted = {"loads": 0}
    counting = threading.Lock()

    def load(product: int) -> Optional[Dict[str, Any]]:
        """A row, or None, which is cached like any other value."""
        with counting:
            counted["loads"] += 1
        with closing(sqlite3.connect(database)) as db:
            row = db.execute("SELECT id, name, price FROM products WHERE id = ?", (product,)).fetchone()
        return dict(zip(("id", "name", "price"), row)) if row else None

    @app.get("/products/<int:product>")
    def get(product: int) -> Any:
        loaded: List[bool] = []
        row = cache.get_or_load(f"product:{product}", lambda: (loaded.append(True), load(product))[1], ttl=60)
        answer = jsonify(row) if row else Response("no such product\n", 404)
        answer.headers["X-Cache"] = "miss" if loaded else "hit"
        return answer

    @app.put("/products/<int:product>")
    def put(product: int) -> Any:
        try:
            price = Decimal(request.form["price"])
        except (KeyError, InvalidOperation):
            return "price=1.20 is expected\n", 400
        if not price.is_finite() or price < 0 or price != round(price, 2):
            return "a price is 0 or more, with two digits at most behind the point\n", 400
        with closing(sqlite3.connect(database)) as db:
            changed = db.execute("UPDATE products SET price = ? WHERE id = ?", (f"{price:.2f}", product)).rowcount
            db.commit()
        # After the commit: a load from here on reads the new row.
        cache.delete(f"product:{product}")
        return ("", 204) if changed else ("no such product\n", 404)

    @app.get("/stats")
    def stats() -> Any:
        figures = cache.stats()
        return jsonify(entries=figures.entries, hits=figures.hits, misses=figures.misses, loads=counted["loads"])

    return app


def serve(port: int, database: str) -> None:
    """Serves until it is stopped. A program for more than an example would be run by gunicorn."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    WSGIRequestHandler.log_request = lambda *arguments, **named: None  # type: ignore[method-assign]
    app = application(database)
    mccache.get_cache("products").node.wait_ready(DEADLINE_S)
    server = make_server("127.0.0.1", port, app, threaded=True)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


# ---- What it shows of itself ----------------------------------------------------------------------------------------


def show() -> int:
    """Starts two servers on one database, and checks what they answer."""
    with tempfile.TemporaryDirectory() as folder:
        database = os.path.join(folder, "products.db")
        with closing(sqlite3.connect(database)) as db:
            db.execute("CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, price TEXT)")
            rows = [(i, f"product {i}", f"{i % 50}.{i % 100:02}") for i in range(1, PRODUCTS + 1)]
            db.executemany("INSERT INTO products VALUES (?, ?, ?)", rows)
            db.commit()
        servers = [start(database), start(database)]
        try:
            story([address for _, address in servers], database)
        except AssertionError as error:
            print(f"wrong: {error}")
            return 1
        finally:
            for process, _ in servers:
                with process:
                    process.terminate()
    return 0


def start(database: str) -> Tuple["subprocess.Popen[str]", str]:
    """A server on any free port, and its address, which it prints."""
    environment = {**os.environ, "MCCACHE_CLUSTER": f"webapp-{os.getpid()}"}
    command = [sys.executable, __file__, "serve", "--port", "0", "--db", database]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    if "http://" not in line:
        sys.exit("a server did not start")
    return process, line.split()[-1]


def story(addresses: List[str], database: str) -> None:
    a, b = addresses
    first, second = get(a, 7), wait_for(lambda: get(b, 7), lambda answer: answer[1] == "hit", "A's row to be at B")
    check(first[1] == "miss" and first[0] == second[0] == row_of(database, 7), f"product 7: {first}, {second}")
    print(f"GET /products/7 on A: {first[1]}, on B: {second[1]}; it costs {first[0]['price']}")

    begun = time.monotonic()
    check(request(a, 7, "1.30")[0] == 204, "the PUT was refused")
    wait_for(lambda: get(b, 7), lambda answer: answer[0]["price"] == "1.30", "B to tell the new price")
    print(f"PUT price=1.30 on A: B tells it {(time.monotonic() - begun) * 1000:.1f} ms later")
    check(request(a, 7, "dear")[0] == 400 and request(a, 7, "-1")[0] == 400, "a bad price was taken")
    check(request(b, 100_000)[0] == 404 and request(b, 100_000, "1.00")[0] == 404, "a product that is not there was found")

    dice, changed, hits = random.Random(7), set(), 0
    for _ in range(500):
        product = dice.randrange(1, 101)
        if dice.random() < 0.1:
            check(request(dice.choice(addresses), product, f"{dice.randrange(100)}.{dice.randrange(100):02}")[0] == 204, "PUT")
            changed.add(product)
        hits += get(dice.choice(addresses), product)[1] == "hit"
    for product in range(1, 101):
        for address in addresses:
            expected = row_of(database, product)
            wait_for(lambda: get(address, product)[0], lambda row: row == expected, f"{address} to tell {expected}")
    print(f"500 random GETs, {hits} of them hits, {len(changed)} products changed: both tell what the database has")
    for name, address in zip("AB", addresses):
        with urllib.request.urlopen(f"{address}/stats", timeout=DEADLINE_S) as answer:
            print(f"{name}: {json.load(answer)}")


def request(address: str, product: int, price: Optional[str] = None) -> Tuple[int, bytes, str]:
    """A GET, or a PUT of a price: status, body and what the cache had to do with it."""
    data = urllib.parse.urlencode({"price": price}).encode() if price is not None else None
    asked = urllib.request.Request(f"{address}/products/{product}", data, method="PUT" if data else "GET")
    try:
        with urllib.request.urlopen(asked, timeout=DEADLINE_S) as answer:
            return answer.status, answer.read(), answer.headers.get("X-Cache", "")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers.get("X-Cache", "")


def get(address: str, product: int) -> Tuple[Dict[str, Any], str]:
    status, body, cache = request(address, product)
    check(status == 200, f"GET /products/{product} on {address}: {status}")
    return json.loads(body), cache


def row_of(database: str, product: int) -> Dict[str, Any]:
    with closing(sqlite3.connect(database)) as db:
        row = db.execute("SELECT id, name, price FROM products WHERE id = ?", (product,)).fetchone()
    return dict(zip(("id", "name", "price"), row))


def wait_for(ask: Any, is_right: Any, what: str) -> Any:
    """Asks until the answer is right."""
    deadline = time.monotonic() + DEADLINE_S
    while not is_right(answer := ask()):
        check(time.monotonic() < deadline, f"waited {DEADLINE_S} s for {what}, and have {answer}")
        time.sleep(0.002)
    return answer


def check(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def main() -> int:
    arguments = argparse.ArgumentParser(description="A web application with a cache that two processes share.")
    verb = arguments.add_subparsers(dest="verb").add_parser("serve", help="serve until stopped")
    verb.add_argument("--port", type=int, default=0, help="0: any free one")
    verb.add_argument("--db", required=True, help="an SQLite file with the table products (id, name, price)")
    given = arguments.parse_args()
    if given.verb is None:
        return show()
    serve(given.port, given.db)
    return 0


if __name__ == "__main__":
    sys.exit(main())
