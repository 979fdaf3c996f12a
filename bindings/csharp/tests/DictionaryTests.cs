using System;
using System.Collections.Generic;
using System.Linq;
using MCCache;

namespace MCCache.Tests
{
    /// <summary>The cache as a dictionary, and what it can do beyond one.</summary>
    internal static class DictionaryTests
    {
        public static void ItIsADictionary()
        {
            IDictionary<string, object> c = Clusters.Cache();
            c.Add("a", 1L);
            c.Add(new KeyValuePair<string, object>("b", "two"));
            Check.Throws<ArgumentException>(() => c.Add("a", 2L), "'a'");
            Check.Equal(2, c.Count);
            Check.That(!c.IsReadOnly, "it can be written to");
            Check.That(c.Contains(new KeyValuePair<string, object>("b", "two")), "b is two");
            Check.That(!c.Contains(new KeyValuePair<string, object>("b", "three")), "b is not three");
            Check.That(!c.Remove(new KeyValuePair<string, object>("b", "three")), "nor is it removed as such");
            Check.Equal("a,b", string.Join(",", c.Keys.OrderBy(key => key)));
            Check.Equal(2, c.Values.Count);
            var array = new KeyValuePair<string, object>[3];
            c.CopyTo(array, 1);
            Check.Equal(null, array[0].Key);
            Check.That(array.Skip(1).All(entry => c.Contains(entry)), "both are copied");
            Check.Throws<ArgumentNullException>(() => c.CopyTo(null, 0));
            Check.Throws<ArgumentOutOfRangeException>(() => c.CopyTo(array, 4));
            Check.That(c.Remove(new KeyValuePair<string, object>("b", "two")), "b is removed");
            c.Clear();
            Check.Equal(0, c.Count);
            Check.Equal(0, c.Keys.Count);
        }

        public static void ATagTakesWhatWasPutWithIt()
        {
            Cache c = Clusters.Cache();
            c.PutTagged("a", 1, new[] { "user:7", "prices" });
            c.PutTagged("b", "two", new[] { "user:8" }, TimeSpan.FromMinutes(1));
            c.PutTagged("c", new byte[] { 3 }, new string[0]);
            Check.Equal(1L, c["a"]);
            c.InvalidateTag("prices");
            Check.That(!c.ContainsKey("a"), "its tag is gone");
            Check.Equal("two", c["b"]);
            Check.Equal(new byte[] { 3 }, c["c"]);
            c.PutTagged("a", 4, new[] { "prices" });
            Check.Equal(4L, c["a"]);
            var bad = new[]
            {
                new[] { "" }, new[] { "a\0b" }, new[] { new string('t', 256) }, Enumerable.Repeat("t", 17).ToArray(),
            };
            foreach (string[] tags in bad)
            {
                Check.Throws<MCCacheArgumentException>(() => c.PutTagged("b", "lost", tags), "tags");
            }
            Check.Throws<MCCacheArgumentException>(() => c.InvalidateTag(""), "tags");
            Check.Equal("two", c["b"]);
        }

        public static void ATransactionIsPutBetweenTwoSteps()
        {
            Cache c = Clusters.Cache();
            c["a"] = "before";
            c["b"] = "before";
            Invalidation first;
            using (first = c.Invalidating(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(20), "a", "b"))
            {
                Check.That(first.IsComplete && first.IsInTime == null, "it has begun");
                Check.That(!c.ContainsKey("a") && !c.ContainsKey("b"), "its keys are misses");
                Check.Equal("loaded", c.GetOrLoad("a", () => "loaded"));
                Check.That(!c.ContainsKey("a"), "nothing is put");
            }
            Check.That(first.IsInTime == true, "it ended in time");
            Check.Throws<MCCacheArgumentException>(() => first.Abort(), "ended");
            Check.Equal("after", c.GetOrLoad("a", () => "after"));
            Check.Equal("after", c["a"]);
            using (Invalidation aborted = c.Invalidating("a"))
            {
                aborted.Abort();
                c["a"] = "kept";
            }
            Check.Equal("kept", c["a"]);
            Invalidation late = c.Invalidating(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(20), "a");
            while (!c.ContainsKey("a"))
            {
                c.GetOrLoad("a", () => "too early");
            }
            late.Dispose();
            Check.That(late.IsInTime == false && !c.ContainsKey("a"), "it was late, and said so");
            Check.Throws<MCCacheArgumentException>(() => c.Invalidating(), "keys");
            Check.Throws<ArgumentOutOfRangeException>(() => c.Invalidating(TimeSpan.Zero, TimeSpan.Zero, "a"), "limit");
            Check.Throws<MCCacheArgumentException>(() => c.Invalidating(TimeSpan.FromSeconds(601), TimeSpan.Zero, "a"), "limit");
        }

        public static void KeysThatAreNoTextAreEnumeratedAsBytes()
        {
            Cache c = Clusters.Cache();
            var odd = new byte[] { 0xff, 0x00, 0x01 };
            c["text"] = 1;
            c[odd] = 2;
            Check.Equal(2L, c[odd]);
            Check.Equal(2, c.Count);
            // As a collection of texts it has one entry: LINQ makes room for that many.
            Check.Equal(1, c.Count());
            Check.Equal(1, Enumerable.ToList(c).Count);
            Check.Equal(1, c.ToArray().Length);
            Check.Equal("text", c.OrderBy(each => each.Key).Single().Key);
            Check.Equal("text", c.Keys.Single());
            Check.That(c.EnumerateKeys().Contains(odd), "the odd key is there");
            KeyValuePair<CacheKey, object> entry = c.EnumerateEntries().Single(each => !each.Key.IsText);
            Check.Equal(odd, entry.Key.ToBytes());
            Check.Equal("0xff0001", entry.Key.ToString());
            Check.Equal(2L, entry.Value);
            Check.That(c.Remove(entry.Key), "what was enumerated can be removed");
        }

        public static void KeysOfTextAndOfItsBytesAreOne()
        {
            CacheKey text = "\u00e9", bytes = new byte[] { 0xc3, 0xa9 }, other = new byte[] { 0xc3 };
            Check.That(text == bytes && text.Equals((object)bytes) && text.GetHashCode() == bytes.GetHashCode(), "one key");
            Check.That(text != other && bytes != other && !text.Equals("\u00e9x"), "another key");
            Check.Equal("\u00e9", bytes.TextOrNull);
            Check.Equal(null, other.TextOrNull);
            Check.Throws<ArgumentNullException>(() => new CacheKey((string)null));
            Check.Throws<ArgumentNullException>(() => new CacheKey((byte[])null));
        }

        public static void WhatIsUtf8IsDecidedAsTheFrameworkDoes()
        {
            var strict = new System.Text.UTF8Encoding(false, true);
            int texts = 0, others = 0;
            Action<byte[]> compare = bytes =>
            {
                string expected = null;
                try
                {
                    expected = strict.GetString(bytes);
                    texts++;
                }
                catch (ArgumentException)
                {
                    others++;
                }
                Check.Equal(expected, new CacheKey(bytes).TextOrNull, BitConverter.ToString(bytes));
            };
            byte[] edges =
                { 0, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff };
            foreach (byte first in edges)
            {
                foreach (byte second in edges)
                {
                    compare(new[] { first, second });
                    foreach (byte third in edges)
                    {
                        compare(new[] { first, second, third });
                        compare(new byte[] { first, second, third, 0x80 });
                        compare(new byte[] { 0x41, first, second, third, 0x80, 0x41 });
                    }
                }
            }
            Check.That(texts > 100 && others > 1000, texts + " texts, " + others + " others");
        }

        public static void TryAddTryRemoveAndTouch()
        {
            Cache c = Clusters.Cache();
            Check.That(c.TryAdd("k", 1), "there was none");
            Check.That(!c.TryAdd("k", 2), "there is one");
            Check.Equal(1L, c["k"]);
            Check.That(c.Touch("k", TimeSpan.FromMinutes(1)), "it lives");
            Check.That(c.GetMetadata("k").TimeToLive <= TimeSpan.FromMinutes(1), "a minute");
            Check.That(c.TryRemove("k", out object value), "it was there");
            Check.Equal(1L, value);
            Check.That(!c.TryRemove("k", out value) && value == null, "it is gone");
            Check.That(!c.Touch("k"), "nothing to touch");
            Check.That(c.TryAdd("raw", new byte[] { 1 }, TimeSpan.FromDays(1)), "bytes, too");
            Check.Equal(new byte[] { 1 }, c["raw"]);
        }

        public static void IterationGoesOnWhileOthersWrite()
        {
            Cache c = Clusters.Cache();
            for (int i = 0; i < 500; i++)
            {
                c["stays" + i] = i;
            }
            var seen = new HashSet<string>();
            int round = 0;
            foreach (KeyValuePair<string, object> entry in c)
            {
                Check.That(seen.Add(entry.Key) || !entry.Key.StartsWith("stays"), entry.Key + " came twice");
                c["new" + round] = round;
                c.Remove("new" + (round - 3));
                round++;
            }
            Check.Equal(500, seen.Count(key => key.StartsWith("stays")));
            // An iteration that is given up gives its memory back.
            Check.That(c.EnumerateKeys().First() != default(CacheKey), "a first key");
        }

        public static void MetadataStatsAndChecksums()
        {
            Cache c = Clusters.Cache(), other = Clusters.Cache();
            c["k"] = "text";
            EntryMetadata known = c.GetMetadata("k");
            Check.Equal(Codec.Text, known.Codec);
            Check.Equal(4L, known.Size);
            Check.That(known.Weight > 4, "bookkeeping weighs, too");
            Check.That(Math.Abs((known.WrittenAt - DateTimeOffset.UtcNow).TotalMinutes) < 1, "written now");
            Check.That(known.Age < TimeSpan.FromMinutes(1) && known.Age >= TimeSpan.Zero, "a moment old");
            EntryVersion first = known.Version;
            c["k"] = "text";
            Check.That(c.GetMetadata("k").Version.CompareTo(first) > 0, "a later version");
            Check.That(first.ToString().Contains("@"), first.ToString());
            GC.KeepAlive(c["k"]);
            c.TryGetValue("none", out object _);
            CacheStats stats = c.GetStats();
            Check.That(stats.ToString().StartsWith("1 entries, ") && stats.ToString().Contains("1 hits, 1 misses, 2 puts"), stats.ToString());
            string told = c.GetMetadata("k").ToString();
            Check.That(told.StartsWith("4 bytes of Text, ") && told.Contains("expires in "), told);
            Check.Equal(1L, stats.Entries);
            Check.Equal(2L, stats.Puts);
            Check.Equal(1L, stats.Hits);
            Check.Equal(1L, stats.Misses);
            Check.That(stats.Bytes >= known.Weight, "the cache weighs no less than its entry");
            c.Sync();
            Check.Eventually(() => c.GetChecksum().Equals(other.GetChecksum()), "the same contents");
            Check.Equal(1L, c.GetChecksum().Entries);
            IReadOnlyDictionary<string, CacheChecksum> all = c.GetClusterChecksum(TimeSpan.FromSeconds(10));
            Check.Equal(2, all.Count);
            Check.That(all.Values.All(sum => sum.Equals(c.GetChecksum())), "all members have it");
        }

        public static void TokensAreWaitedForHereAndAskedForThere()
        {
            Cache c = Clusters.Cache();
            Cache other = Clusters.Cache();
            WriteToken put = c.PutToken("k", "value");
            Check.Equal(c.GetMetadata("k").Version, put.Version);
            c.SyncToken(put, TimeSpan.FromSeconds(20), 1);
            var sent = new WriteToken(put.Version.Clock, put.Version.Origin, 0);
            Check.That(other.TryGetAtLeast("k", sent, out object found) && (string)found == "value", "it has arrived");
            c.SyncToken(put);
            Check.Equal(put, new WriteToken(sent.Version.Clock, sent.Version.Origin, put.Position));
            WriteToken removed = c.RemoveToken("k");
            c.SyncToken(removed, TimeSpan.FromSeconds(20), 1);
            Check.That(!other.TryGetAtLeast("k", put, out found) && found == null, "it is deleted");
            Check.That(c.RemoveToken("k").Version.CompareTo(removed.Version) > 0, "a later version");
            Check.Throws<MCCacheTimeoutException>(() => c.SyncToken(removed, TimeSpan.FromMilliseconds(20), 2), "2 members");
            Check.Throws<MCCacheArgumentException>(() => other.SyncToken(removed), "another process");
            Check.Throws<ArgumentOutOfRangeException>(() => c.SyncToken(removed, null, 0), "1 or more");
        }

        public static void ViewsAreNotCopiedAndOutliveTheEntry()
        {
            Cache c = Clusters.Cache();
            c["k"] = Enumerable.Range(0, 256).Select(i => (byte)i).ToArray();
            ValueView view = c.OpenView("k");
            c["k"] = "another";
            c.Node.Dispose();
            Check.Equal(256, view.Length);
            Check.Equal(Codec.Raw, view.Codec);
            Check.Equal((byte)7, view.Read<byte>(7));
            using (System.IO.Stream stream = view.OpenStream())
            {
                Check.Equal(256L, stream.Length);
                Check.That(!stream.CanWrite, "nobody writes there");
                stream.Position = 255;
                Check.Equal(255, stream.ReadByte());
                Check.Equal(-1, stream.ReadByte());
            }
            unsafe
            {
                Check.Equal((byte)9, view.Pointer[9]);
            }
            var into = new byte[300];
            Check.Equal(256, view.CopyTo(into));
            Check.Equal(view.ToArray(), into.Take(256).ToArray());
            Check.That(into.Skip(256).All(each => each == 0), "no more than that is written");
            Check.Throws<ArgumentException>(() => view.CopyTo(new byte[255]), "256", "255");
            Check.Throws<ArgumentNullException>(() => view.CopyTo(null));
            view.Dispose();
            view.Dispose();
            Check.Throws<ObjectDisposedException>(() => view.ToArray());
            Check.Throws<ObjectDisposedException>(() => view.CopyTo(into));
            Check.Throws<ObjectDisposedException>(() => view.Read<byte>(0));
        }

        public static void NodesTellOfThemselvesAndOfOthers()
        {
            Cache a = Clusters.Cache(new Settings { ["node_name"] = "one" }), b = Clusters.Cache(new Settings { ["node_name"] = "two" });
            a.Node.WaitReady(TimeSpan.FromSeconds(10));
            Check.Equal("one", a.Node.Name);
            Check.Eventually(() => a.Node.GetMembers().Any(member => member.State == MemberState.Alive), "a live member");
            Member two = a.Node.GetMembers().Single();
            Check.Equal("two", two.Name);
            Check.Equal(24, two.Session.Length);
            Check.Equal(Library.Version, two.Version);
            Check.That(two.Address.StartsWith("127."), two.Address);
            Check.That(a.Node.GetMetrics().Count > 20, "there are counters");
            Check.Eventually(() => a.Node.GetClusterMetrics().Values.Count(each => each != null) == 2, "both members' counters");
            Check.Equal("67108864", a.Node.GetSetting("cache_size"));
            b.Dispose();
            Check.That(!b.Node.IsClosed, "a cache's end is not its node's");
        }

        public static void TheProcessHasANodeOfItsOwn()
        {
            // Its settings come from the environment, as whoever runs the tests has them.
            string cluster = Environment.GetEnvironmentVariable("MCCACHE_CLUSTER");
            Check.That(cluster != null, "the variable MCCACHE_CLUSTER must be set for the tests");
            Cache c = Cache.Open("own");
            Cache again = Cache.Open("own");
            c["k"] = 1;
            Check.Equal(1L, again["k"]);
            Check.Equal(cluster, c.Node.GetSetting("cluster"));
            Check.That(ReferenceEquals(c.Node, Node.Own()), "there is one");
            c.Node.Dispose();
            Check.Throws<MCCacheClosedException>(() => GC.KeepAlive(again["k"]));
            Check.That(!Cache.Open("own").ContainsKey("k"), "a new one is started");
            Node.Own().Dispose();
        }
    }
}
