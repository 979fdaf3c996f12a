"""A program written for McCache for Python, the library this one follows: nothing in it had to change.

It puts times into a cache, reads, replaces and deletes them, looks at what is known of an entry, and asks for checksums
and metrics.
"""

from datetime import datetime, timezone
from pprint import pprint

import mccache

c = mccache.get_cache("demo")
key = "k1"

c[key] = datetime.now(timezone.utc)
print(f"put at       {c[key]}")

c[key] = datetime.now(timezone.utc)
print(f"replaced at  {c[key]}")
print(f"known of it: {c.metadata[key]}")

del c[key]
if key not in c:
    print(f"{key} is gone")

key = "k2"
c[key] = datetime.now(timezone.utc)
print(f"put at       {c[key]}")
print(f"entries:     {len(c)}, keys: {[key for key in c]}")

pprint(mccache.get_local_checksum("demo"))
pprint(mccache.get_local_metrics("demo"))

# There, these two write into the log of every member. Here they answer: one part a member.
pprint(mccache.get_cluster_checksum("demo"))
pprint(mccache.get_cluster_metrics())
