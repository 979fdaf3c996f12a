"""One program a language, for the matrix of values and the cluster of all languages: `cargo xtask polyglot` conducts it.

`agent.py CACHE` uses the process's own node, with the settings of the environment. It says `ready python`, then answers
each line of its input with one line, until `quit` or the input's end. Runs until stopped.
"""

import random
import sys
import time
from typing import Any, Callable, Dict, List

import mccache
from matrix import NATIVE, same

KEYS = [f"w{i}" for i in range(100)]
#: What is shown of a value that differs.
SHOWN_MAX = 200


class Agent:
    """The commands, by their names: each answers with its line."""

    def __init__(self, cache: mccache.Cache) -> None:
        self.cache = cache
        self.commands: Dict[str, Callable[..., str]] = {
            "put": self.put,
            "check": self.check,
            "work": self.work,
            "sync": self.sync,
            "sum": self.sum,
            "members": self.members,
            "clear": self.clear,
        }

    def put(self, key: str, case: str) -> str:
        self.cache[key] = NATIVE[case]
        return "ok"

    def check(self, key: str, case: str) -> str:
        try:
            value = self.cache[key]
        except KeyError:
            return "missing"
        return "equal" if same(value, NATIVE[case]) else f"differs: {type(value).__name__} {value!r:.{SHOWN_MAX}}"

    def work(self, ms: str, seed: str) -> str:
        """Look-ups 55, puts of new text 20, updates 20, deletes 5 of a hundred."""
        cache, dice, operations = self.cache, random.Random(int(seed)), 0
        deadline = time.monotonic() + int(ms) / 1000
        while time.monotonic() < deadline:
            key, kind = dice.choice(KEYS), dice.randrange(100)
            if kind < 55:
                cache.get(key)
            elif kind < 75:
                cache[key] = f"new {seed} {operations}"
            elif kind < 95:
                cache[key] = f"after {len(cache.get(key, ''))} {operations}"
            else:
                cache.pop(key, None)
            operations += 1
        return f"ok {operations}"

    def sync(self, ms: str) -> str:
        try:
            self.cache.sync(int(ms) / 1000)
        except mccache.TimeoutError:
            return "timeout"
        return "ok"

    def sum(self) -> str:
        checksum = self.cache.checksum()
        return f"{checksum.sum} {checksum.entries}"

    def members(self) -> str:
        return str(len(self.cache.node.members()))

    def clear(self) -> str:
        self.cache.clear()
        return "ok"

    def answer(self, words: List[str]) -> str:
        try:
            return one_line(self.commands[words[0]](*words[1:]))
        except Exception as error:
            return one_line(f"error: {type(error).__name__}: {error}")


def one_line(text: Any) -> str:
    return " ".join(str(text).split())


def main() -> None:
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    cache = mccache.get_cache(sys.argv[1])
    agent = Agent(cache)
    print("ready python", flush=True)
    for line in sys.stdin:
        words = line.split()
        if words == ["quit"]:
            break
        print(agent.answer(words), flush=True)
    cache.node.close()
    print("bye", flush=True)


if __name__ == "__main__":
    main()
