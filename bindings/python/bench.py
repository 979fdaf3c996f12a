"""Nanoseconds a call, from Python: `python bench.py`. Nothing but mccache is needed; cachetools is compared if installed.

16-byte keys, 100-byte values, 4,000 entries in cache. Each figure is the median of five runs, each run the mean of
200,000 calls inside a `for` loop whose own cost is taken off; runs of all subjects are interleaved. The time is that of
the calling thread on a CPU, so that other programs on the machine count less.
"""

import os
import platform
import statistics
import time
from typing import Any, Callable, Dict, List

import mccache

RUNS = 5
CALLS = 200_000
ENTRIES = 4_000
KEYS = [f"key-{i:012}" for i in range(ENTRIES)]
ORDER = (KEYS * (CALLS // ENTRIES + 1))[:CALLS]
VALUE = b"v" * 100


def loop(subject: Any) -> None:
    for key in ORDER:
        pass


def get(subject: Any) -> None:
    for key in ORDER:
        subject[key]


def get_method(subject: Any) -> None:
    for key in ORDER:
        subject.get(key)


def contains(subject: Any) -> None:
    for key in ORDER:
        key in subject


def put(subject: Any) -> None:
    for key in ORDER:
        subject[key] = VALUE


def put_int(subject: Any) -> None:
    for key in ORDER:
        subject[key] = 5


def subjects() -> Dict[str, Any]:
    node = mccache.Node(cluster=f"bench-{os.getpid()}")
    found: Dict[str, Any] = {
        "mccache": node.cache("replicated"),
        "mccache, cache_mode=local": node.cache("local", cache_mode="local"),
        "dict": {},
    }
    try:
        import cachetools

        found["cachetools.LRUCache"] = cachetools.LRUCache(ENTRIES * 2)
        found["cachetools.TTLCache"] = cachetools.TTLCache(ENTRIES * 2, 3600)
    except ImportError:
        pass
    return found


def nanoseconds(work: Callable[[Any], None], subject: Any) -> float:
    start = time.thread_time()
    work(subject)
    return (time.thread_time() - start) / CALLS * 1e9


def main() -> None:
    works = [get, get_method, contains, put, put_int]
    caches = subjects()
    for cache in caches.values():
        put(cache)
    runs: Dict[Any, List[float]] = {(name, work): [] for name in caches for work in works}
    for _ in range(RUNS):
        empty = nanoseconds(loop, None)
        for name, work in runs:
            if work is get and name.startswith("mccache"):
                caches[name].sync(60)
            runs[name, work].append(nanoseconds(work, caches[name]) - empty)
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} CPUs; ns a call, median of {RUNS}")
    print(f"{'':28}{'c[k]':>8}{'c.get(k)':>10}{'k in c':>8}{'c[k]=bytes':>12}{'c[k]=5':>8}")
    for name in caches:
        figures = [statistics.median(runs[name, work]) for work in works]
        print(f"{name:28}{figures[0]:8.0f}{figures[1]:10.0f}{figures[2]:8.0f}{figures[3]:12.0f}{figures[4]:8.0f}")
    for cache in caches.values():
        if isinstance(cache, mccache.Cache):
            cache.node.close()


if __name__ == "__main__":
    main()
