"""Three processes write to one cache at the same time, and agree on what is in it.

Run it alone: it starts the three itself, waits until their checksums are equal, and ends with 0.
"""

import os
import subprocess
import sys
import time

import mccache

MEMBERS = ["ada", "grace", "edsger"]
WRITES = 1_000
#: All of it takes a second or two; more than this means that something is wrong.
DEADLINE_S = 60


def member(name: str) -> None:
    """One process: writes its share, then waits until everybody's has arrived."""
    deadline = time.monotonic() + DEADLINE_S
    with mccache.Node(node_name=name) as node:
        c = node.cache("agreement")
        until(deadline, lambda: len(node.members()) == len(MEMBERS) - 1, "the others to come")
        for i in range(WRITES):
            c[f"{name}:{i}"] = i  # keys of its own
            c[f"shared:{i % 100}"] = name  # and keys that all three fight for
        c[f"done:{name}"] = True
        c.sync(DEADLINE_S)
        until(deadline, lambda: all(f"done:{other}" in c for other in MEMBERS), "the others to finish")
        c.sync(DEADLINE_S)
        until(deadline, lambda: agree(c), "all to agree")
        checksum = c.checksum()
        print(f"{name:7} has {checksum.entries} entries, checksum {checksum.sum:016x}", flush=True)
        sys.stdin.readline()  # stays in the cluster until the others are through


def agree(c: mccache.Cache) -> bool:
    """Whether every member answers, and all answer the same."""
    answers = c.cluster_checksum()
    return len(answers) == len(MEMBERS) and None not in answers.values() and len(set(answers.values())) == 1


def until(deadline: float, condition, what: str) -> None:
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"waited {DEADLINE_S} s for {what}")
        time.sleep(0.01)


def main() -> int:
    environment = {**os.environ, "MCCACHE_CLUSTER": f"example-{os.getpid()}"}
    started = [
        subprocess.Popen(
            [sys.executable, __file__, name], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in MEMBERS
    ]
    lines = [process.stdout.readline() for process in started]
    for process in started:
        process.communicate("\n", timeout=DEADLINE_S)
    print("".join(lines), end="")
    checksums = {line.split("entries, ")[-1] for line in lines}
    agreed = len(checksums) == 1 and all(lines) and all(process.returncode == 0 for process in started)
    print("they agree" if agreed else "they do not agree")
    return 0 if agreed else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        member(sys.argv[1])
    else:
        sys.exit(main())
