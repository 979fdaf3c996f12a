// The smoke test that every language has: the same names in the same order.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using MCCache;

namespace MCCache.Tests
{
    internal static class Smoke
    {
        private const int Rounds = 100000;

        // What 100,000 rounds may add to the resident set. A collector grows its heap in steps: less than 200 bytes a round.
        private const long LeakMaxBytes = 20 << 20;

        public static void VersionsAgree()
        {
            Check.Equal(0, Library.AbiVersion);
            Check.That(Regex.IsMatch(Library.Version, "^[0-9]+[.][0-9]+[.][0-9]+"), Library.Version);
            Version assembly = typeof(Cache).Assembly.GetName().Version;
            Check.Equal(Library.Version.Split('-')[0], assembly.ToString(3));
            Check.That(Library.LoadedFrom.EndsWith(Library.FileName), Library.LoadedFrom);
        }

        public static void PutGetDel()
        {
            Cache c = Clusters.Cache();
            c["k"] = new byte[] { 118 };
            Check.Equal(new byte[] { 118 }, c["k"]);
            Check.That(c.ContainsKey("k"), "the key is there");
            Check.Equal(1, c.Count);
            c["k"] = new byte[] { 119 };
            Check.Equal(new byte[] { 119 }, c["k"]);
            Check.That(c.Remove("k"), "there was a value");
            Check.That(!c.ContainsKey("k"), "the key is gone");
            Check.Equal(0, c.Count);
        }

        public static void ZeroByteInKeyAndValue()
        {
            Cache c = Clusters.Cache();
            c["a\0b"] = new byte[] { 49, 0, 50 };
            c["a"] = "with\0zero";
            Check.Equal(new byte[] { 49, 0, 50 }, c["a\0b"]);
            Check.Equal(new byte[] { 49, 0, 50 }, c[new byte[] { 97, 0, 98 }]);
            Check.Equal("with\0zero", c["a"]);
            Check.Equal("a,a\0b", string.Join(",", c.Keys.OrderBy(key => key, StringComparer.Ordinal)));
        }

        public static void AstralCharacter()
        {
            Cache c = Clusters.Cache();
            c["\U0001f980"] = "\U0001d11e";
            Check.Equal("\U0001d11e", c["\U0001f980"]);
            Check.Equal("\U0001d11e", c[new byte[] { 0xf0, 0x9f, 0xa6, 0x80 }]);
            Check.Equal("\U0001f980", c.Keys.Single());
        }

        public static void EmptyValue()
        {
            Cache c = Clusters.Cache();
            c["bytes"] = new byte[0];
            c["text"] = "";
            c[""] = "of the empty key";
            Check.Equal(new byte[0], c["bytes"]);
            Check.Equal("", c["text"]);
            Check.Equal("of the empty key", c[""]);
            Check.Equal("of the empty key", c[new byte[0]]);
            Check.Equal(0, c.OpenView("bytes").Length);
        }

        public static void LargeValue()
        {
            Cache c = Clusters.Cache();
            var value = new byte[1 << 20];
            for (int at = 0; at < value.Length; at++)
            {
                value[at] = (byte)at;
            }
            c["k"] = value;
            Check.Equal(value, c["k"]);
        }

        public static void MissingKey()
        {
            Cache c = Clusters.Cache();
            Check.Throws<KeyNotFoundException>(() => GC.KeepAlive(c["nobody"]), "'nobody'");
            Check.Throws<KeyNotFoundException>(() => c.Get<int>(new byte[] { 0xff }), "0xff");
            Check.That(!c.Remove("nobody"), "there was none to remove");
            Check.That(!c.TryGetValue("nobody", out object value) && value == null, "nothing is found");
            Check.Equal(3, c.GetValueOrDefault("nobody", 3));
            Check.Equal(null, c.GetMetadata("nobody"));
            Check.Equal(null, c.OpenView("nobody"));
        }

        public static void Ttl()
        {
            Cache c = Clusters.Cache();
            c.Put("short", 1, TimeSpan.FromMilliseconds(50));
            c.Put("long", 2, TimeSpan.FromHours(1));
            c.Put("ever", 3, System.Threading.Timeout.InfiniteTimeSpan);
            Check.That(c.GetMetadata("long").TimeToLive > TimeSpan.FromSeconds(3500), "an hour");
            Check.Equal(null, c.GetMetadata("ever").TimeToLive);
            Check.Eventually(() => !c.ContainsKey("short"), "the end of its time");
            Check.Equal(null, c.GetValueOrDefault<object>("short"));
            Check.Equal(2L, c["long"]);
            Check.Equal(3L, c["ever"]);
        }

        public static void Iteration()
        {
            Cache c = Clusters.Cache();
            for (int i = 0; i < 1000; i++)
            {
                c["k" + i] = i;
            }
            Check.Equal(1000, c.Keys.Count);
            var copy = new Dictionary<string, object>(c);
            Check.Equal(1000, copy.Count);
            Check.That(copy.All(entry => entry.Key == "k" + entry.Value), "each key has its own value");
        }

        public static void BadArgument()
        {
            Cache c = Clusters.Cache();
            Check.Throws<ArgumentNullException>(() => c[(string)null] = 1);
            Check.Throws<ArgumentNullException>(() => c.Put(default(CacheKey), 1));
            Check.Throws<ArgumentNullException>(() => c.TryGetValue((string)null, out object _));
            Check.Throws<MCCacheTooLargeException>(() => c[new string('k', 65536)] = 1, "65536");
            Check.Throws<ArgumentException>(() => c["k"] = new object(), "System.Object", "DateTimeOffset");
            Check.Throws<ArgumentException>(() => c["k\ud800"] = 1, "key", "U+D800", "index 1");
            Check.Equal(0, c.Count);
        }

        public static void TwoNodesPutOnOneReadOnTheOther()
        {
            Cache a = Clusters.Cache(), b = Clusters.Cache();
            var value = new Dictionary<string, object>
            {
                ["list"] = new List<object> { 1L, 2.5, null, true, new byte[] { 1 }, "text" },
            };
            a["k"] = value;
            Check.Eventually(() => b.ContainsKey("k"), "the put's arrival");
            Check.Equal(value, b["k"]);
        }

        public static void DeleteOnOneGoneOnTheOther()
        {
            Cache a = Clusters.Cache(), b = Clusters.Cache();
            a["k"] = 1;
            Check.Eventually(() => b.ContainsKey("k"), "the put's arrival");
            b.Remove("k");
            Check.Eventually(() => !a.ContainsKey("k"), "the delete's arrival");
        }

        public static void EventArrives()
        {
            Cache a = Clusters.Cache(), b = Clusters.Cache();
            using (EventQueue events = b.OpenEvents())
            {
                a["k"] = 1;
                Check.That(events.TryTake(TimeSpan.FromSeconds(20), out CacheEvent what), "an event came");
                Check.Equal(EventKind.Put, what.Kind);
                Check.That(!what.IsLocal, "another did it");
                Check.Equal("c", what.Cache);
                Check.Equal(new CacheKey("k"), what.Key);
                Check.Equal(a.Node.Name, what.Member);
                Check.Equal(a.GetMetadata("k").Version, what.Version);
            }
        }

        public static void UseAfterClose()
        {
            Cache c = Clusters.Cache();
            c["k"] = 1;
            ValueView view = c.OpenView("k");
            c.Dispose();
            var uses = new Action[]
            {
                () => GC.KeepAlive(c["k"]), () => c.TryGetValue("k", out object _), () => c.ContainsKey("k"),
                () => GC.KeepAlive(c.Count), () => c.ToList(), () => c.Clear(), () => c["k"] = 2, () => c.Remove("k"),
                () => c.Sync(), () => c.GetChecksum(), () => c.TryRemove("k", out object _), () => c.Touch("k"),
                () => c.GetMetadata("k"), () => c.OpenEvents(), () => c.GetStats(), () => c.OpenView("k"),
                () => c.TryAdd("k", 1), () => c.GetOrLoad("k", () => 1), () => c.Changed += (sender, what) => { },
            };
            foreach (Action use in uses)
            {
                Check.Throws<MCCacheClosedException>(use);
                Check.Throws<ObjectDisposedException>(use);
            }
            Check.Equal(new byte[] { 1 }, view.ToArray());
            Check.That(c.ToString().Contains("closed"), c.ToString());
        }

        public static void DoubleClose()
        {
            Cache c = Clusters.Cache();
            c.Dispose();
            c.Dispose();
            c.Node.Dispose();
            c.Node.Dispose();
            c.Dispose();
        }

        public static void NoLeakOver100000Rounds()
        {
            Cache c = Clusters.Cache();
            Work(c, Rounds / 2);
            long before = Clusters.ResidentBytes();
            Work(c, Rounds);
            long grown = Clusters.ResidentBytes() - before;
            Check.That(grown < LeakMaxBytes, grown + " bytes more after " + Rounds + " rounds");
        }

        private static void Work(Cache c, int rounds)
        {
            var value = new byte[100];
            var large = new byte[4000];
            for (int i = 0; i < rounds; i++)
            {
                string key = "key-" + i % 10;
                c[key] = value;
                GC.KeepAlive(c[key]);
                c["n"] = i;
                GC.KeepAlive(c["n"]);
                c.TryGetValue("nobody", out object _);
                c.OpenView(key).Dispose();
                if (i % 10 == 0)
                {
                    c["large"] = large;
                    GC.KeepAlive(c["large"]);
                    GC.KeepAlive(c.OpenView(key));
                }
                if (i % 100 == 0)
                {
                    c["o"] = new object[] { i, new Dictionary<string, object> { ["a"] = null } };
                    GC.KeepAlive(c["o"]);
                    GC.KeepAlive(c.GetMetadata("o"));
                    GC.KeepAlive(c.ToList());
                    GC.KeepAlive(c.GetStats());
                    Check.Throws<KeyNotFoundException>(() => GC.KeepAlive(c["nobody"]));
                    Check.Throws<ArgumentException>(() => c["o"] = new object());
                }
            }
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
        }

        public static void ValuesOfOtherLanguagesAreReadBackEqual()
        {
            Cache c = Clusters.Cache();
            int read = 0;
            foreach (Matrix.Row row in Matrix.Rows(File.ReadLines(Matrix.Path)))
            {
                object own = Matrix.Native(row.Name);
                c.PutEncoded(row.Name, row.Bytes, (Codec)row.Codec);
                Check.Equal(own, c[row.Name], row.Name);
                c["own"] = own;
                Check.Equal(row.Bytes, c.OpenView("own").ToArray(), row.Name);
                Check.Equal(row.Codec, (byte)c.GetMetadata("own").Codec, row.Name);
                read++;
            }
            Check.Equal(Matrix.Names.Count(), read);
        }
    }
}
