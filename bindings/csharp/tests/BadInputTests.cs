using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using MCCache;

namespace MCCache.Tests
{
    /// <summary>Every line of tests/bad_inputs.tsv. Where the compiler refuses a wrong type, null is what is left of it.</summary>
    internal static class BadInputTests
    {
        private const string Half = "\ud83e";

        // Who asks for the type of an argument catches an ArgumentException, whether or not it is one of ours.
        private static readonly Dictionary<string, Type> Errors = new Dictionary<string, Type>
        {
            ["type"] = typeof(ArgumentException),
            ["invalid argument"] = typeof(ArgumentException),
            ["too large"] = typeof(MCCacheTooLargeException),
            ["codec"] = typeof(MCCacheCodecException),
            ["config"] = typeof(MCCacheConfigException),
            ["closed"] = typeof(MCCacheClosedException),
            ["timeout"] = typeof(MCCacheTimeoutException),
            ["the loader's"] = typeof(DivideByZeroException),
        };

        private sealed class Line
        {
            internal string Name;
            internal List<Action> Calls;
            internal string Instead;
        }

        public static void EveryLineOfTheTable()
        {
            var table = new Table(Clusters.Node(new Settings { ["max_value"] = 100000 }).OpenCache("c"));
            List<Line> lines = table.Lines();
            string[] rows = File.ReadAllLines(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(Matrix.Path)), "bad_inputs.tsv"))
                .Where(row => row.Length > 0 && row[0] != '#').ToArray();
            Check.Equal(rows.Select(row => row.Split('\t')[0]).ToList(), lines.Select(line => line.Name).ToList());
            for (int at = 0; at < rows.Length; at++)
            {
                for (int call = 0; call < lines[at].Calls.Count; call++)
                {
                    table.Answers(lines[at].Name + ", call " + call, lines[at].Instead ?? rows[at].Split('\t')[2],
                                  lines[at].Calls[call]);
                }
            }
        }

        private sealed class Table
        {
            private readonly Cache c;
            private readonly List<Line> lines = new List<Line>();

            internal Table(Cache cache)
            {
                c = cache;
            }

            internal List<Line> Lines()
            {
                Keys();
                Values();
                Reads();
                Names();
                Times();
                Functions();
                Ends();
                return lines;
            }

            /// <summary>The call fails as it must, says why, and changes nothing; or is fine.</summary>
            internal void Answers(string name, string error, Action call)
            {
                c.Clear();
                c["before"] = "there";
                try
                {
                    call();
                }
                catch (Exception problem)
                {
                    Check.That(error != "fine" && Errors[error].IsInstanceOfType(problem) && problem.Message.Length > 0
                               && !(problem is MCCacheInternalException), name + ": " + problem);
                    Check.That(c.Count == 1 && (string)c["before"] == "there", name + " changed something");
                    return;
                }
                Check.That(error == "fine", name + ": nothing was thrown");
            }

            private void On(string name, params Action[] calls)
            {
                lines.Add(new Line { Name = name, Calls = calls.ToList() });
            }

            private void On(string name, IEnumerable<Action> calls)
            {
                lines.Add(new Line { Name = name, Calls = calls.ToList() });
            }

            private IEnumerable<Action> WithKey(Func<CacheKey> key)
            {
                return new Action[]
                {
                    () => GC.KeepAlive(c[key()]), () => c[key()] = 1, () => c.TryGetValue(key(), out object _),
                    () => c.Put(key(), 1), () => c.TryAdd(key(), 1), () => c.Remove(key()), () => c.TryRemove(key(), out object _),
                    () => c.Touch(key()), () => c.ContainsKey(key()), () => c.GetMetadata(key()), () => c.OpenView(key()),
                    () => c.GetOrLoad(key(), () => 1), () => c.PutEncoded(key(), new byte[1], Codec.Raw),
                    () => c.GetOrLoadAsync(key(), cancel => System.Threading.Tasks.Task.FromResult(1)).GetAwaiter().GetResult(),
                };
            }

            private IEnumerable<Action> WithText(string key)
            {
                return WithKey(() => new CacheKey(key)).Concat(new Action[]
                {
                    () => GC.KeepAlive(c[key]), () => c[key] = 1, () => c.TryGetValue(key, out object _), () => c.Add(key, 1),
                    () => c.Remove(key), () => c.ContainsKey(key),
                });
            }

            private IEnumerable<Action> WithValues(params object[] values)
            {
                return values.SelectMany(value => new Action[]
                {
                    () => c["k"] = value, () => c.Put("k", value, TimeSpan.FromSeconds(5)), () => c.TryAdd("k", value),
                    () => c.Add("k", value), Loading(() => value),
                });
            }

            // A load, after which the key must be free.
            private Action Loading<T>(Func<T> loader, TimeSpan? ttl = null)
            {
                return () =>
                {
                    try
                    {
                        c.GetOrLoad("loaded", loader, ttl);
                    }
                    finally
                    {
                        Check.Equal(1, c.GetOrLoad("loaded", () => 1, timeout: TimeSpan.Zero), "the key cannot be loaded");
                        c.Remove("loaded");
                    }
                };
            }

            // A read of what another member put.
            private Action Read(byte codec, string hex)
            {
                return () =>
                {
                    c.PutEncoded("theirs", Matrix.FromHex(hex), (Codec)codec);
                    try
                    {
                        GC.KeepAlive(c["theirs"]);
                    }
                    finally
                    {
                        using (ValueView view = c.OpenView("theirs"))
                        {
                            Check.Equal(Matrix.FromHex(hex), view.ToArray());
                        }
                        c.Remove("theirs");
                    }
                };
            }

            private IEnumerable<Action> Reads(byte codec, params string[] hexes)
            {
                return hexes.Select(hex => Read(codec, hex));
            }

            private static List<object> Nested(int lists)
            {
                var inner = new List<object>();
                for (int more = 1; more < lists; more++)
                {
                    inner = new List<object> { inner };
                }
                return inner;
            }

            private void Keys()
            {
                var dictionary = (IDictionary<string, object>)c;
                On("key_of_wrong_type");
                On("key_of_nothing", WithText(null).Concat(WithKey(() => (byte[])null)).Concat(new Action[]
                {
                    () => dictionary.Add(new KeyValuePair<string, object>(null, 1)),
                    () => dictionary.Contains(new KeyValuePair<string, object>(null, 1)),
                }));
                On("key_too_long", WithText(new string('k', 65536)).Concat(WithText(new string('\u00e9', 32768)))
                    .Concat(WithKey(() => new byte[65536])));
                On("key_of_65535_bytes", () => c[new string('k', 65535)] = 1, () => c.Put(new byte[65535], 1));
                On("key_empty", () => c[""] = 1, () => c.Put(new byte[0], 1), () =>
                {
                    c[""] = 1;
                    Check.Equal(1L, c[new byte[0]]);
                });
                On("key_with_lone_surrogate", WithText(Half).Concat(WithText("a\udd80")));
            }

            private void Values()
            {
                var endless = new List<object>();
                endless.Add(endless);
                var map = new Dictionary<string, object> { ["a"] = endless };
                Action function = () => { };
                On("value_of_wrong_type", WithValues(new object(), function, Thread.CurrentThread, c, c.Node, typeof(int)));
                On("value_with_wrong_type_inside", WithValues(
                    new List<object> { 1, new Dictionary<string, object> { ["a"] = new object() } },
                    new Dictionary<string, object> { ["a"] = new object[] { function } }, new[] { c }));
                On("value_too_large", WithValues(new byte[100001], new string('x', 100001), new string('\u00e9', 50001),
                                                 new List<object> { new string('x', 100000) }));
                On("value_with_lone_surrogate", WithValues(Half, new List<object> { Half }, new Dictionary<string, object> { [Half] = 1 },
                                                           new string('x', 1000) + Half));
                On("value_nested_201_deep", WithValues(Nested(201), Nested(10000), new Dictionary<string, object> { ["a"] = Nested(200) }));
                On("value_that_contains_itself", WithValues(endless, map));
                var noon = new DateTime(2026, 11, 25, 12, 0, 0, DateTimeKind.Unspecified);
                On("value_of_time_without_zone", WithValues(noon, new List<object> { noon }));
            }

            private void Reads()
            {
                On("read_of_malformed_cbor", Reads(2, "-", "ff", "1c", "81", "a101", "9f", "62c328", "9b7fffffffffffffff",
                                                   "9bffffffffffffffff", "5b7fffffffffffffff", "fb00", "c0"));
                On("read_of_two_cbor_items", Reads(2, "0102", "8001", "f6f6", "fb000000000000000000"));
                On("read_of_cbor_nested_201_deep", Reads(2, "200*81+80", "99000*81+80", "201*9f+201*ff"));
                On("read_of_text_not_utf8", Reads(1, "ff", "eda080", "6fc3"));
                On("read_of_unknown_codec", Reads(200, "-", "00").Concat(Reads(255, "00")));
                On("read_of_native_without_option", new byte[] { 3, 4, 5, 6 }.Select(codec => Read(codec, "80054e2e")));
                On("native_without_key", () => c.Node.OpenCache("n", null, true));
            }

            // What is thrown, with a message that names something.
            private static Action Naming(Action call, params string[] words)
            {
                return () =>
                {
                    try
                    {
                        call();
                    }
                    catch (MCCacheConfigException problem)
                    {
                        foreach (string word in words)
                        {
                            Check.That(problem.Message.Contains(word), "no `" + word + "` in: " + problem.Message);
                        }
                        throw;
                    }
                };
            }

            private static Action FileOf(string text, params string[] words)
            {
                string file = Path.Combine(Path.GetTempPath(), "mccache-" + Guid.NewGuid() + ".toml");
                return Naming(
                    () =>
                    {
                        File.WriteAllText(file, text);
                        try
                        {
                            new Node(new Settings { ConfigFile = file }).Dispose();
                        }
                        finally
                        {
                            File.Delete(file);
                        }
                    },
                    words.Concat(new[] { file }).ToArray());
            }

            private void Names()
            {
                Node node = c.Node;
                On("cache_name_of_wrong_type", () => node.OpenCache(null), () => Cache.Open(null));
                On("cache_name_empty", () => node.OpenCache(""));
                On("cache_name_too_long", () => node.OpenCache(new string('n', 256)), () => node.OpenCache(new string('\u00e9', 128)));
                On("cache_name_with_zero_byte", () => node.OpenCache("a\0b"));
                On("setting_unknown", Naming(() => Clusters.Node(new Settings { ["cache_tll"] = 5 }), "cache_tll", "cache_ttl"),
                   Naming(() => node.OpenCache("s", new Settings { ["cache_tll"] = 5 }), "cache_tll", "cache_ttl"));
                On("setting_of_bad_value", Naming(() => Clusters.Node(new Settings { ["cache_max"] = "many" }), "cache_max", "many"),
                   Naming(() => node.OpenCache("s", new Settings { ["cache_max"] = -1 }), "cache_max", "-1"),
                   Naming(() => node.OpenCache("s", new Settings { ["cache_ttl"] = double.NaN }), "cache_ttl"));
                On("setting_of_node_given_to_cache",
                   Naming(() => node.OpenCache("s", new Settings { ["cluster"] = "x" }), "cluster", "cache_ttl"));
                On("setting_other_than_open", () => node.OpenCache("c", new Settings { ["cache_ttl"] = 61 }));
                On("config_file_missing", Naming(() => new Node(new Settings { ConfigFile = "/nowhere/mccache.toml" }), "/nowhere/mccache.toml"));
                On("config_file_wrong", FileOf("\nthis is no TOML\n", "line 2"), FileOf("cache_tll = 5\n", "cache_tll"));
            }

            private IEnumerable<Action> WithTtl(TimeSpan ttl)
            {
                return new[]
                {
                    () => c.Put("k", 1, ttl), () => c.TryAdd("k", 1, ttl), () => c.Touch("before", ttl), Loading(() => 1, ttl),
                    () => c.PutEncoded("k", new byte[1], Codec.Raw, ttl),
                };
            }

            private void Times()
            {
                // One millisecond below zero is how .NET writes "without end".
                TimeSpan below = TimeSpan.FromMilliseconds(-2);
                On("ttl_of_zero", WithTtl(TimeSpan.Zero));
                On("ttl_negative", WithTtl(below).Concat(WithTtl(TimeSpan.MinValue)).Concat(WithTtl(TimeSpan.FromTicks(-1))));
                On("ttl_of_wrong_type");
                On("ttl_too_long", WithTtl(TimeSpan.MaxValue).Concat(WithTtl(Timeout.InfiniteTimeSpan))
                    .Concat(WithTtl(TimeSpan.FromDays(10000000))));
                On("timeout_negative", () => c.Sync(below), () => c.OpenEvents().TryTake(below, out CacheEvent _),
                   () => c.Node.WaitReady(below), () => c.GetClusterChecksum(below), () => c.Node.GetClusterMetrics(below),
                   () => c.GetOrLoad("k", () => 1, timeout: below), () => c.SyncAsync(below).GetAwaiter().GetResult());
                On("timeout_of_wrong_type");
            }

            private void Functions()
            {
                int zero = 0;
                On("loader_of_wrong_type", Loading<object>(null), () => c.GetOrLoadAsync<int>("k", null).GetAwaiter().GetResult());
                On("loader_that_fails", Loading(() => 1 / zero));
                On("loader_of_bad_value", Loading(() => new object()), Loading(() => new[] { c }));
                On("loader_that_asks_for_its_own_key",
                   Loading(() => c.GetOrLoad("loaded", () => 1, timeout: TimeSpan.Zero)),
                   Loading(() => c.GetOrLoad("loaded", () => 1, timeout: TimeSpan.FromMilliseconds(20))));
                // The compiler refuses all but null, and null adds no listener, as with every event of .NET.
                On("listener_of_wrong_type", () => c.Changed += null, () => c.Overflowed += null, () => c.Node.Changed += null,
                   () => c.Node.MemberJoined += null, () => c.Changed -= null);
                lines.Last().Instead = "fine";
            }

            private static IEnumerable<Action> OnClosed(Cache closed)
            {
                return new Action[]
                {
                    () => GC.KeepAlive(closed["k"]), () => closed["k"] = 1, () => closed.TryGetValue("k", out object _),
                    () => closed.Get<int>("k"), () => closed.GetValueOrDefault<int>("k"), () => closed.OpenView("k"),
                    () => closed.Put("k", 1), () => closed.PutEncoded("k", new byte[0], Codec.Raw), () => closed.TryAdd("k", 1),
                    () => closed.Add("k", 1), () => closed.Remove("k"), () => closed.TryRemove("k", out object _),
                    () => closed.ContainsKey("k"), () => closed.Touch("k"), () => closed.GetMetadata("k"), closed.Clear,
                    () => GC.KeepAlive(closed.Count), () => closed.GetStats(), () => closed.GetChecksum(),
                    () => closed.GetClusterChecksum(), () => closed.Sync(), () => closed.SyncAsync().GetAwaiter().GetResult(),
                    () => closed.GetOrLoad("k", () => 1), () => closed.OpenEvents(), () => closed.Changed += (sender, what) => { },
                    () => GC.KeepAlive(closed.Keys), () => GC.KeepAlive(closed.Values), () => closed.ToList(),
                    () => closed.EnumerateKeys().Any(),
                };
            }

            private void Ends()
            {
                Cache closed = Clusters.Cache();
                closed.Dispose();
                On("closed_cache", OnClosed(closed));
                Cache ofGone = Clusters.Cache();
                Node gone = ofGone.Node;
                gone.Dispose();
                On("closed_node", OnClosed(ofGone).Concat(new Action[]
                {
                    () => gone.OpenCache("d"), () => gone.WaitReady(), () => gone.GetMembers(), () => gone.OpenEvents(),
                    () => gone.GetClusterMetrics(), () => gone.Changed += (sender, what) => { },
                }));
                On("closed_events", () =>
                {
                    EventQueue events = c.OpenEvents();
                    events.Dispose();
                    events.TryTake(TimeSpan.Zero, out CacheEvent _);
                });
                On("closed_twice", closed.Dispose, gone.Dispose, () =>
                {
                    EventQueue events = c.OpenEvents();
                    events.Dispose();
                    events.Dispose();
                });
                On("iteration_while_closing", () =>
                {
                    Cache closing = c.Node.OpenCache("closing");
                    closing["a"] = closing["b"] = 1;
                    foreach (CacheKey key in closing.EnumerateKeys())
                    {
                        closing.Dispose();
                    }
                });
            }
        }
    }
}
