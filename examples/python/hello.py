"""Two nodes in one process: what one puts the other reads, and what one deletes is gone on the other.

Two programs do the same, on one host or two: each calls `mccache.get_cache("prices")`, and no node by itself.
"""

import os

import mccache

SOON_S = 10

with mccache.Node(cluster=f"hello-{os.getpid()}", node_name="a") as a:
    with mccache.Node(cluster=f"hello-{os.getpid()}", node_name="b") as b:
        on_a, on_b = a.cache("prices"), b.cache("prices")
        with on_b.events() as events:
            on_a["apple"] = {"eur": 1.20, "tags": ["red", "sweet"]}
            event = events.next(timeout=SOON_S)
            if event is None:
                raise SystemExit(f"b heard nothing for {SOON_S} s")
            print(f"b heard of {event.key!r} from {event.member}, and reads {on_b['apple']}")

            del on_b["apple"]
            on_b.sync(SOON_S)  # returns once every member has applied it
            print("deleted on b; on a it is", "still there" if "apple" in on_a else "gone")
        if "apple" in on_a:
            raise SystemExit("a still has it")
