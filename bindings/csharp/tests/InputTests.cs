using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using MCCache;

namespace MCCache.Tests
{
    /// <summary>What is refused, and what is said then.</summary>
    internal static class InputTests
    {
        public static void KeysOfAllLengths()
        {
            Cache c = Clusters.Cache();
            foreach (int length in new[] { 0, 1, 3, 4, 5, 127, 255, 256, 257, 1000, 65535 })
            {
                var ascii = new string('k', length);
                c[ascii] = length;
                Check.Equal((long)length, c[ascii]);
                Check.Equal((long)length, c[new CacheKey(ascii).ToBytes()]);
                Check.That(c.ContainsKey(ascii) && c.Remove(ascii), "it is there, of length " + length);
                if (length * 3 <= 65535)
                {
                    var wide = new string('\u20ac', length);
                    c[wide] = length;
                    Check.Equal((long)length, c[wide]);
                    Check.Equal((long)length, c[new CacheKey(wide).ToBytes()]);
                }
            }
            Check.Throws<MCCacheTooLargeException>(() => c[new string('\u20ac', 21846)] = 1);
            Check.Throws<MCCacheTooLargeException>(() => c.ContainsKey(new byte[65536]));
            Check.Throws<MCCacheTooLargeException>(() => c.TryGetValue(new byte[65536], out object _));
        }

        public static void KeysOfEveryWidthAtEveryPlace()
        {
            Cache c = Clusters.Cache();
            foreach (string wide in new[] { "\u007f", "\u0080", "\u07ff", "\u0800", "\uffff", "\ud800\udc00", "\udbff\udfff" })
            {
                for (int before = 0; before < 10; before++)
                {
                    string key = new string('k', before) + wide + new string('l', 9 - before);
                    c[key] = before;
                    Check.Equal((long)before, c[System.Text.Encoding.UTF8.GetBytes(key)], wide);
                    Check.Equal((long)before, c[key]);
                }
            }
            foreach (string half in new[] { "\ud800", "\udc00", "\udc00\ud800", "\ud800\ud800\udc00" })
            {
                for (int before = 0; before < 10; before++)
                {
                    string key = new string('k', before) + half + new string('l', 9 - before), index = "index " + before;
                    Check.Throws<MCCacheArgumentException>(() => c[key] = 1, "key", index);
                    Check.Throws<MCCacheArgumentException>(() => c[key] = new byte[1], "key", index);
                    Check.Throws<MCCacheArgumentException>(() => c[key].ToString(), "key", index);
                    Check.Throws<MCCacheArgumentException>(() => c[new string('k', before) + half] = 1, "key", index);
                }
            }
        }

        public static void ValuesAroundEveryBuffersLength()
        {
            Cache c = Clusters.Cache();
            foreach (int length in new[] { 0, 1, 2, 1023, 1024, 1025, 1364, 1365, 1366, 4096, 70000 })
            {
                var bytes = new byte[length];
                new Random(length).NextBytes(bytes);
                c["k"] = bytes;
                Check.Equal(bytes, c["k"]);
                var text = new string('\u00e9', length);
                c["k"] = text;
                Check.Equal(text, c["k"]);
                var list = new List<object> { bytes, text };
                c["k"] = list;
                Check.Equal(list, c["k"]);
            }
        }

        public static void ValuesAreCopiedBothWays()
        {
            Cache c = Clusters.Cache();
            var bytes = new byte[] { 1 };
            c["k"] = bytes;
            bytes[0] = 2;
            var read = (byte[])c["k"];
            Check.Equal((byte)1, read[0]);
            read[0] = 3;
            Check.Equal(new byte[] { 1 }, c["k"]);
        }

        public static void ValuesThatAreTooLong()
        {
            Cache c = Clusters.Node().OpenCache("small", new Settings { ["max_value"] = 1000 });
            c["k"] = new byte[1000];
            MCCacheTooLargeException refused = Check.Throws<MCCacheTooLargeException>(() => c["k"] = new byte[1001], "1001", "1000");
            Check.That(refused is ArgumentException && refused is IMCCacheError, "it is what people expect");
            Check.Throws<MCCacheTooLargeException>(() => c.TryAdd("other", new string('x', 2000)));
            Check.Equal(1000, ((byte[])c["k"]).Length);
        }

        public static void TimesToLive()
        {
            Cache c = Clusters.Cache();
            foreach (TimeSpan bad in new[] { TimeSpan.Zero, TimeSpan.FromSeconds(-5), TimeSpan.MinValue })
            {
                Check.Throws<ArgumentOutOfRangeException>(() => c.Put("k", 1, bad), "above zero");
                Check.Throws<ArgumentOutOfRangeException>(() => c.Touch("k", bad));
                Check.Throws<ArgumentOutOfRangeException>(() => c.TryAdd("k", 1, bad));
                Check.Throws<ArgumentOutOfRangeException>(() => c.GetOrLoad("k", () => 1, bad));
            }
            Check.Equal(0, c.Count);
            c.Put("tick", 1, TimeSpan.FromTicks(1));
            c.Put("max", 1, TimeSpan.MaxValue);
            Check.Equal(null, c.GetMetadata("max").TimeToLive);
            c.Put("days", 1, TimeSpan.FromDays(10000000));
            Check.That(c.GetMetadata("days").TimeToLive > TimeSpan.FromDays(9000), "long");
            Check.Eventually(() => !c.ContainsKey("tick"), "the end of a tick");
        }

        public static void Timeouts()
        {
            Cache c = Clusters.Cache();
            Check.Throws<ArgumentOutOfRangeException>(() => c.Sync(TimeSpan.FromSeconds(-2)), "negative");
            Check.Throws<ArgumentOutOfRangeException>(() => c.GetClusterChecksum(TimeSpan.FromSeconds(-2)));
            c.Node.WaitReady(Timeout.InfiniteTimeSpan);
            c.Sync(TimeSpan.MaxValue);
        }

        public static void SettingsAreCheckedAndExplained()
        {
            Check.Throws<MCCacheConfigException>(() => Clusters.Node(new Settings { ["cache_tl"] = 5 }), "cache_tl", "cache_ttl");
            Check.Throws<MCCacheConfigException>(() => Clusters.Node(new Settings { ["cache_max"] = 0 }), "cache_max");
            Check.Throws<MCCacheConfigException>(() => Clusters.Node(new Settings { ["interface"] = "203.0.113.7" }), "interface");
            Check.Throws<ArgumentException>(() => new Settings { ["cache_max"] = new object() }, "cache_max", "System.Object");
            Check.Throws<ArgumentException>(() => new Settings { { "a", 1 }, { "a", 2 } });
            Check.Throws<ArgumentException>(() => Clusters.Node(new Settings { ["cluster"] = "a\0b" }), "zero");
            Node node = Clusters.Node(new Settings { ["cache_ttl"] = TimeSpan.FromMinutes(1.5), ["insecure"] = true });
            Check.Equal("90", node.GetSetting("cache_ttl").Split(' ')[0]);
            Check.Equal("true", node.GetSetting("insecure"));
            Check.Equal("1.5", Clusters.Node(new Settings { ["cache_pulse"] = TimeSpan.FromSeconds(90) }).GetSetting("cache_pulse"));
            Check.Throws<MCCacheArgumentException>(() => node.GetSetting("cache_tl"), "cache_ttl");
            Check.Throws<MCCacheConfigException>(() => node.OpenCache("c", new Settings { ["cluster"] = "x" }), "cluster", "settings of caches (cache_ttl");
            Check.Throws<MCCacheConfigException>(() => node.OpenCache("c", new Settings { ConfigFile = "x.toml" }), "[cache.NAME]");
            Check.Throws<ArgumentNullException>(() => node.OpenCache(null));
            Check.Throws<MCCacheArgumentException>(() => node.OpenCache(""));
            Check.Throws<MCCacheArgumentException>(() => node.OpenCache(new string('n', 256)));
            node.OpenCache("c", new Settings { ["cache_max"] = 10 });
            Check.Throws<MCCacheArgumentException>(() => node.OpenCache("c", new Settings { ["cache_max"] = 11 }), "other settings");
        }

        public static void AConfigFileIsReadFirst()
        {
            string file = Path.GetTempFileName();
            try
            {
                File.WriteAllText(file, "cache_ttl = 77\ncache_max = 5\n");
                Node node = Clusters.Node();
                using (var other = new Node(new Settings
                    { ConfigFile = file, ["cluster"] = node.GetSetting("cluster"), ["interface"] = "host", ["cache_max"] = 6 }))
                {
                    Check.Equal("77", other.GetSetting("cache_ttl").Split(' ')[0]);
                    Check.Equal("6", other.GetSetting("cache_max"));
                }
                File.WriteAllText(file, "cache_ttl = [");
                Check.Throws<MCCacheConfigException>(() => new Node(new Settings { ConfigFile = file }), file);
            }
            finally
            {
                File.Delete(file);
            }
        }

        public static void ASecretIsNeverTold()
        {
            Node node = Clusters.Node(new Settings { ["crypto_key"] = Clusters.Key });
            Check.Equal(null, node.GetSetting("crypto_key"));
            Check.Equal("", Clusters.Node().GetSetting("crypto_key"));
        }

        public static void NodesOfOneNameAreToldApart()
        {
            var twin = new Settings { ["node_name"] = "twin" };
            Cache[] all = { Clusters.Cache(twin), Clusters.Cache(twin), Clusters.Cache(twin) };
            foreach (Cache each in all)
            {
                each.Node.WaitReady(TimeSpan.FromSeconds(20));
            }
            all[0]["k"] = "v";
            all[0].Sync(TimeSpan.FromSeconds(20));
            foreach (Cache each in all)
            {
                IReadOnlyDictionary<string, CacheChecksum> sums = each.GetClusterChecksum(TimeSpan.FromSeconds(20));
                Check.Equal("twin, twin (2), twin (3)", string.Join(", ", sums.Keys));
                Check.That(sums.Values.All(sum => each.GetChecksum().Equals(sum)), "all hold the same");
                Check.Equal("twin, twin (2), twin (3)", string.Join(", ", each.Node.GetClusterMetrics(TimeSpan.FromSeconds(20)).Keys));
                IReadOnlyList<Member> others = each.Node.GetMembers();
                Check.Equal("twin, twin", string.Join(", ", others.Select(member => member.Name)));
                Check.Equal(2, others.Select(member => member.Session).Distinct().Count());
            }
        }

        public static void EveryExceptionIsOneOfOurs()
        {
            Type[] own = typeof(Cache).Assembly.GetExportedTypes().Where(typeof(Exception).IsAssignableFrom).ToArray();
            Check.That(own.Length >= 10, own.Length + " exceptions");
            Check.That(own.All(typeof(IMCCacheError).IsAssignableFrom), "each says so");
            Check.That(own.All(type => type.Name.StartsWith("MCCache")), "by its name, too");
        }
    }
}
