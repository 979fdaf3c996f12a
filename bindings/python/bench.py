"""Nanoseconds a call, from Python: `python bench.py`. Nothing but mccache is needed; cachetools, cachebox and theine are
compared if they are installed.

16-byte keys, 100-byte values, 4,000 entries in cache. Each figure is the median of five runs, each run the mean of
200,000 calls inside a `for` loop whose own cost is taken off; runs of all subjects are interleaved. The time is that of
the calling thread on a CPU, so that other programs on the machine count less.

`--tsv` prints what `cargo xtask calls` sets beside the other languages: values of 100 bytes and of 64 KiB, each line a
subject, an operation and its nanoseconds, of the pass over 1,000 keys that took least of those in a third of a second,
the loop's own cost included.
"""

import importlib
import os
import platform
import statistics
import sys
import time
from typing import Any, Callable, Dict, List, Tuple

import mccache

RUNS = 5
CALLS = 200_000
ENTRIES = 4_000
KEYS = [f"key-{i:012}" for i in range(ENTRIES)]
ORDER = (KEYS * (CALLS // ENTRIES + 1))[:CALLS]
VALUE = b"v" * 100

#: With --tsv: keys, nanoseconds of passes, and the values.
TSV_ENTRIES = 1_000
TSV_MEASURED = 300_000_000
TSV_VALUES = {"100": b"v" * 100, "64k": b"v" * 65_536}


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


def peers(entries: int) -> Tuple[Dict[str, Any], Dict[str, str]]:
    """Python's own map and its favourite caches; and why some are not here."""
    makers: Dict[str, Callable[[Any], Any]] = {
        "cachetools.LRUCache": lambda module: module.LRUCache(entries * 2),
        "cachetools.TTLCache": lambda module: module.TTLCache(entries * 2, 3600),
        "cachebox.LRUCache": lambda module: module.LRUCache(entries * 2),
        "theine.Cache": lambda module: Theine(module.Cache(entries * 2)),
    }
    found: Dict[str, Any] = {"dict": {}}
    missing: Dict[str, str] = {}
    for name, make in makers.items():
        try:
            found[name] = make(importlib.import_module(name.split(".")[0]))
        except Exception as error:
            missing[name] = f"{type(error).__name__}: {error}"
    return found, missing


class Theine:
    """Theine has methods and no `[]`: what it costs to call them from one is taken by calling them directly below."""

    def __init__(self, cache: Any) -> None:
        self.get, self.set = cache.get, cache.set

    def __getitem__(self, key: str) -> Any:
        return self.get(key)

    def __setitem__(self, key: str, value: Any) -> None:
        self.set(key, value)

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None


def subjects() -> Dict[str, Any]:
    node = mccache.Node(cluster=f"bench-{os.getpid()}")
    ours = {"mccache": node.cache("replicated"), "mccache, cache_mode=local": node.cache("local", cache_mode="local")}
    return {**ours, **peers(ENTRIES)[0]}


def nanoseconds(work: Callable[[Any], None], subject: Any) -> float:
    start = time.thread_time()
    work(subject)
    return (time.thread_time() - start) / CALLS * 1e9


def table() -> None:
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


def tsv_get(subject: Any, order: List[str], value: bytes) -> None:
    if isinstance(subject, Theine):
        get = subject.get
        for key in order:
            get(key)
    else:
        for key in order:
            subject[key]


def tsv_put(subject: Any, order: List[str], value: bytes) -> None:
    if isinstance(subject, Theine):
        set_ = subject.set
        for key in order:
            set_(key, value)
    else:
        for key in order:
            subject[key] = value


def tsv_view(subject: Any, order: List[str], value: bytes) -> None:
    for key in order:
        subject.view(key)


def tsv_least(work: Callable[[Any, List[str], bytes], None], subject: Any, keys: List[str], value: bytes) -> float:
    """Nanoseconds a call in the pass that took least."""
    clock = time.perf_counter_ns
    least, now = 10**18, clock()
    finish = now + TSV_MEASURED
    while now < finish:
        before = now
        work(subject, keys, value)
        now = clock()
        least = min(least, now - before)
    return least / len(keys)


def tsv() -> None:
    """Every subject, operation and length in turn."""
    node = mccache.Node(cluster=f"bench-{os.getpid()}")
    others, missing = peers(TSV_ENTRIES)
    keys = KEYS[:TSV_ENTRIES]
    caches = {"mccache": node.cache("local", cache_mode="local", cache_size=256 * 1024 * 1024), **others}
    for length, value in TSV_VALUES.items():
        for name, subject in caches.items():
            works = {f"put_{length}": tsv_put, f"get_{length}": tsv_get}
            if length == "64k" and name == "mccache":
                works["view_64k"] = tsv_view
            for operation, work in works.items():
                print(f"{name}\t{operation}\t{tsv_least(work, subject, keys, value):.1f}", flush=True)
    for name, reason in missing.items():
        print(f"{name}\tskipped\t{reason}")
    node.close()


if __name__ == "__main__":
    tsv() if "--tsv" in sys.argv[1:] else table()
