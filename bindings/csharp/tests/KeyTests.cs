using System;
using System.Linq;
using MCCache;

namespace MCCache.Tests
{
    /// <summary>A change of the cluster's key while it runs.</summary>
    internal static class KeyTests
    {
        private static readonly string Old = Key(1, "0f"), New = Key(2, "1e");

        private static string Key(int id, string digits)
        {
            return id + ":" + string.Concat(Enumerable.Repeat(digits, 32));
        }

        private static Node Keyed()
        {
            return Clusters.Node(new Settings { ["crypto_key"] = Old, ["interface"] = "127.0.0.1" });
        }

        private static string Told(Node node)
        {
            return string.Join("; ", node.GetKeys());
        }

        public static void AKeyIsChangedWhileValuesCross()
        {
            Node[] nodes = { Keyed(), Keyed() };
            Cache a = nodes[0].OpenCache("c"), b = nodes[1].OpenCache("c");
            Check.Eventually(() => Told(nodes[0]) == "1 Primary, used by 1", "both use the old key");
            foreach (Node node in nodes)
            {
                node.AddKey(New);
            }
            Check.Equal(KeyRole.DecryptOnly, nodes[1].GetKeys()[1].Role);
            a["before"] = 1;
            foreach (Node node in nodes)
            {
                node.SetPrimaryKey(2);
            }
            a["after"] = 2;
            Check.Eventually(() => b.ContainsKey("before") && b.ContainsKey("after"), "values cross");
            Check.Eventually(() => nodes.All(node => Told(node) == "1 Retired, used by 0; 2 Primary, used by 1"), "the old key is unused");
            foreach (Node node in nodes)
            {
                node.RemoveKey(1);
            }
            b["last"] = 3;
            Check.Eventually(() => a.ContainsKey("last"), "values cross with the new key alone");
            Check.Equal(2, nodes[0].GetKeys().Single().Id);
        }

        public static void BadKeysAndIdsChangeNothingAndAreNotShown()
        {
            Node node = Keyed();
            foreach (string bad in new[] { "", "secret-but-short", Key(0, "1e"), Key(256, "1e"), Key(1, "1e"), "2:a\0b" })
            {
                string said = Check.Throws<MCCacheArgumentException>(() => node.AddKey(bad)).Message;
                Check.That(!said.Contains("secret-but-short") && !said.Contains("1e1e1e"), said);
            }
            Check.Throws<ArgumentNullException>(() => node.AddKey(null));
            foreach (int bad in new[] { int.MinValue, -1, 0, 7, 256 })
            {
                Check.Throws<MCCacheArgumentException>(() => node.SetPrimaryKey(bad));
                Check.Throws<MCCacheArgumentException>(() => node.RemoveKey(bad));
            }
            Check.Throws<MCCacheArgumentException>(() => node.RemoveKey(1));
            node.SetPrimaryKey(1);
            node.AddKey(Old);
            Check.Equal("1 Primary, used by 0", Told(node));
            Check.Throws<MCCacheArgumentException>(() => Clusters.Node().AddKey(New));
            node.Dispose();
            Check.Throws<MCCacheClosedException>(() => node.GetKeys());
            Check.Throws<MCCacheClosedException>(() => node.AddKey(New));
        }
    }
}
