"""What a type checker makes of a program: `mypy --strict` must accept it, and refuse each line marked as ignored.

It is checked, never run.
"""

import asyncio
import datetime
import math
from typing import Dict, Iterator, List, Optional, Union

import mccache


class Price:
    """What a program keeps."""

    euros: float


def load() -> List[int]:
    return [1]


async def load_async() -> List[int]:
    return [1]


@mccache.cached("prices", ttl=60, timeout=None)
def price(product: int, currency: str = "eur") -> float:
    return product * 1.2


@mccache.cached(mccache.get_cache("prices"), key=lambda product: f"p{product}", name="p")
async def price_async(product: int) -> Optional[str]:
    return None


def on_change(context: Dict[str, object]) -> None:
    print(context["key"])


def plain() -> None:
    cache: mccache.Cache = mccache.get_cache("c", callback=on_change, native=True, cache_ttl=60)
    cache["k"] = [1, "a", None]
    cache[b"k"] = b"bytes"
    cache[5] = 1  # type: ignore[index]
    cache.put("k", {"a": datetime.date.today()}, ttl=datetime.timedelta(minutes=1))
    cache.put("k", 1, ttl=math.inf)
    cache.put("k", 1, ttl="60")  # type: ignore[arg-type]
    added: bool = cache.add("k", 1, ttl=1.5) or cache.delete(b"k")
    view: memoryview = cache.view("k")
    keys: List[Union[str, bytes]] = list(cache)
    entries: Dict[Union[str, bytes], object] = cache.copy()
    loaded: List[int] = cache.get_or_load("k", load, ttl=5)
    wrong: str = cache.get_or_load("k", load)  # type: ignore[assignment]
    ttl: Optional[float] = cache.metadata["k"]["ttl"]
    figures: mccache.Stats = cache.stats()
    sums: Dict[str, Optional[mccache.Checksum]] = cache.cluster_checksum()
    print(added, view, keys, entries, loaded, wrong, ttl, figures.hits, sums, cache.name, cache.native, cache.closed)

    answer: float = price(7)
    text: str = price(7)  # type: ignore[assignment]
    price("7")  # type: ignore[arg-type]
    gone: bool = price.invalidate(7, currency="usd")
    print(answer, text, gone, price.key(7), price.cache.name, price.__wrapped__(7))


async def awaited(cache: mccache.Cache) -> None:
    loaded: List[int] = await cache.get_or_load_async("k", load_async, timeout=None)
    await cache.get_or_load_async("k", load)  # type: ignore[arg-type]
    answer: Optional[str] = await price_async(7)
    with cache.events() as events:
        one: Optional[mccache.Event] = await events.next_async(1.5)
        async for event in events:
            kind: int = event.kind
            print(kind, event.key, loaded, answer, one)


def nodes() -> Iterator[mccache.Member]:
    with mccache.Node(cluster="typed", cache_max=100) as node:
        setting: Optional[str] = node.setting("cluster")
        counters: Dict[str, int] = node.metrics()
        node.wait_ready(timeout=None)
        ids: List[int] = [key.id for key in node.keys() if key.role == mccache.KeyRole.RETIRED and key.members == 0]
        node.add_key("2:" + "0" * 64)
        node.set_primary_key(2)
        node.remove_key(ids[0])
        node.remove_key("1")  # type: ignore[arg-type]
        print(setting, counters, node.cluster_metrics(), node.cache("c").checksum().sum)
        yield from node.members()
    try:
        asyncio.run(awaited(mccache.get_cache()))
    except (mccache.TimeoutError, mccache.ClosedError, mccache.CodecError) as error:
        base: mccache.Error = error
        print(base)
