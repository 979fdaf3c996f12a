using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using MCCache;

namespace MCCache.Tests
{
    /// <summary>Many threads on one cache.</summary>
    internal static class ThreadTests
    {
        public static void EveryThreadReadsWholeValues()
        {
            Cache c = Clusters.Cache();
            string[] keys = Enumerable.Range(0, 20).Select(i => "k" + i).ToArray();
            Threads.Join(Threads.Start(6, number =>
            {
                var random = new Random(number);
                for (int round = 0; round < 5000; round++)
                {
                    string key = keys[random.Next(keys.Length)];
                    switch (round % 5)
                    {
                        case 0:
                            c[key] = new List<object> { key, (long)number, (long)round };
                            break;
                        case 1:
                            c.TryRemove(key, out object _);
                            break;
                        case 2:
                            foreach (KeyValuePair<string, object> entry in c)
                            {
                                MustBe(entry.Key, entry.Value);
                            }
                            break;
                        default:
                            if (c.TryGetValue(key, out object value))
                            {
                                MustBe(key, value);
                            }
                            break;
                    }
                }
            }));
        }

        private static void MustBe(string key, object value)
        {
            var list = (List<object>)value;
            Check.That(list.Count == 3 && (string)list[0] == key, Check.Show(value) + " under " + key);
        }

        public static void OfManyThreadsOneAddsAndOneRemoves()
        {
            Cache c = Clusters.Cache();
            for (int round = 0; round < 50; round++)
            {
                int added = 0, removed = 0;
                Threads.Join(Threads.Start(4, number => Interlocked.Add(ref added, c.TryAdd("k", number) ? 1 : 0)));
                Threads.Join(Threads.Start(4, number => Interlocked.Add(ref removed, c.TryRemove("k", out object _) ? 1 : 0)));
                Check.Equal(1, added);
                Check.Equal(1, removed);
            }
        }

        public static void EachThreadHasItsOwnErrors()
        {
            Cache c = Clusters.Cache();
            Threads.Join(Threads.Start(4, number =>
            {
                for (int round = 0; round < 500; round++)
                {
                    var length = 65536 + number;
                    Check.Throws<MCCacheTooLargeException>(() => c.ContainsKey(new byte[length]), length.ToString());
                    Check.That(!c.ContainsKey("x"), "no error of another comes here");
                }
            }));
        }

        public static void AListThatUsesTheCacheWhileItIsWritten()
        {
            Cache c = Clusters.Cache();
            c["k"] = new Reentrant(c);
            Check.Equal(new List<object> { 0L, 1L, 2L }, c["k"]);
            Check.Equal(new List<object> { "inner", 2L }, c["inner"]);
        }

        /// <summary>Puts while it is enumerated.</summary>
        private sealed class Reentrant : System.Collections.ObjectModel.ReadOnlyCollection<object>, System.Collections.IList
        {
            private readonly Cache cache;

            internal Reentrant(Cache cache) : base(new object[3])
            {
                this.cache = cache;
            }

            System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator()
            {
                for (long i = 0; i < 3; i++)
                {
                    cache["inner"] = new List<object> { "inner", i };
                    yield return i;
                }
            }
        }
    }
}
