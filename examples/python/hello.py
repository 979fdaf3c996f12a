"""A dictionary that every process of the cluster has: run this in two terminals at once, and each greets the other."""

import os

import mccache

c = mccache.get_cache("hello")
c.node.wait_ready()
print("already there:", dict(c))

c[f"process {os.getpid()}"] = {"greeting": "hello", "numbers": [1, 2.5, None]}
c.sync()
print("now there:    ", dict(c))
