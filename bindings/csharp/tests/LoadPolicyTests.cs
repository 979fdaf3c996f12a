using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using MCCache;

namespace MCCache.Tests
{
    /// <summary>What is served when a load fails, takes long, or could be early; for threads and tasks.</summary>
    internal static class LoadPolicyTests
    {
        private static readonly TimeSpan Brief = TimeSpan.FromMilliseconds(20);
        private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

        private static Cache Cache(Settings settings)
        {
            return Clusters.Node().OpenCache("c", settings);
        }

        private static void Expired(Cache c, string key)
        {
            c.Put(key, "old", TimeSpan.FromMilliseconds(1));
            Check.Eventually(() => !c.ContainsKey(key), "the end of " + key);
        }

        private static long Counter(Cache c, string name)
        {
            return c.Node.GetMetrics()[name];
        }

        private static bool Holds(Cache c, string key, string value)
        {
            return Equals(c.GetValueOrDefault<string>(key), value);
        }

        private static string NotAsked()
        {
            throw new CheckException("this is not to be loaded");
        }

        public static void AnExpiredValueIsServedWhileTheLoaderFails()
        {
            Cache c = Cache(new Settings { ["fail_safe"] = 60 });
            int calls = 0;
            Func<string> fails = () =>
            {
                calls++;
                throw new IOException("no database");
            };
            string large = new string('x', 5000);
            Expired(c, "k");
            c.Put("large", large, TimeSpan.FromMilliseconds(1));
            Check.Eventually(() => !c.ContainsKey("large"), "the end of the large one");
            for (int round = 0; round < 3; round++)
            {
                Check.Equal("old", c.GetOrLoad("k", fails));
            }
            Check.Equal(1, calls, "for half a minute it is not tried again");
            Check.That(!c.ContainsKey("k"), "others read nothing");
            Check.Equal(
                "1 3 2",
                Counter(c, "load_failures") + " " + Counter(c, "stale_served") + " " + Counter(c, "loads_throttled"));
            Check.Equal(large, c.GetOrLoad("large", fails));
            Check.Equal(large, c.GetOrLoad("large", fails));
            Check.Throws<IOException>(() => c.GetOrLoad("another", fails), "no database");
            LoadPolicy strict = c.CreateLoadPolicy(new Settings { ["fail_safe"] = 0 });
            Check.Throws<IOException>(() => c.GetOrLoad("k", fails, policy: strict));
            Check.Equal("new", c.GetOrLoad("k", () => "new", policy: strict));
            Check.Equal("new", c["k"]);
        }

        public static void WhatIsWrongWithTheProcessIsNoFailureOfTheDatabase()
        {
            Cache c = Cache(new Settings { ["fail_safe"] = 60 });
            Expired(c, "k");
            Check.Throws<OutOfMemoryException>(() => c.GetOrLoad<string>("k", () => { throw new OutOfMemoryException(); }));
            Check.Throws<ThreadInterruptedException>(
                () => c.GetOrLoad<string>("k", () => { throw new ThreadInterruptedException(); }));
            var source = new CancellationTokenSource();
            Check.Throws<OperationCanceledException>(() => c.GetOrLoad<string>("k", () =>
            {
                source.Cancel();
                throw new OperationCanceledException(source.Token);
            }, cancel: source.Token));
            Check.Equal(0L, Counter(c, "load_failures"));
            Check.Equal("old", c.GetOrLoad<string>("k", () => { throw new TaskCanceledException("the database's timeout"); }));
            Check.Equal(1L, Counter(c, "load_failures"));
        }

        public static void ASlowLoadIsNotWaitedForAndFills()
        {
            Cache c = Cache(new Settings { ["fail_safe"] = 60, ["load_soft_timeout"] = Brief });
            var go = new ManualResetEventSlim();
            Expired(c, "k");
            Check.Equal("old", c.GetOrLoad("k", () =>
            {
                // The loader's own look-ups do not touch what is kept to be served.
                c.ContainsKey("other");
                go.Wait();
                return "new";
            }));
            Check.Equal("old", c.GetOrLoad("k", NotAsked), "who waits for it is served as well");
            Check.Equal(2L, Counter(c, "loads_slow"));
            go.Set();
            Check.Eventually(() => Holds(c, "k", "new"), "the fill");
        }

        public static void BeyondTheHardTimeoutALoadIsAnErrorAndFills()
        {
            Cache c = Cache(new Settings { ["load_hard_timeout"] = Brief });
            var go = new ManualResetEventSlim();
            Check.Throws<MCCacheTimeoutException>(() => c.GetOrLoad("k", () =>
            {
                go.Wait();
                return "new";
            }), "20 ms", "goes on");
            Check.Throws<MCCacheTimeoutException>(() => c.GetOrLoad("k", NotAsked), "another");
            Check.Equal(2L, Counter(c, "loads_timed_out"));
            go.Set();
            Check.Eventually(() => Holds(c, "k", "new"), "the fill");
        }

        public static void WhatIsLoadedInTimeByAThreadIsReturnedAndWhatItThrowsIsThrown()
        {
            Cache c = Cache(new Settings { ["load_hard_timeout"] = 20 });
            string name = c.GetOrLoad("k", () => Thread.CurrentThread.Name);
            Check.Equal("mccache load of c", name);
            var own = new IOException("no database");
            IOException thrown = Check.Throws<IOException>(() => c.GetOrLoad<int>("another", () => { throw own; }));
            Check.That(ReferenceEquals(own, thrown), "itself");
            var never = new ManualResetEventSlim();
            Check.Throws<OperationCanceledException>(() => c.GetOrLoad("cancelled", () =>
            {
                never.Wait();
                return 1;
            }, cancel: new CancellationTokenSource(30).Token));
            never.Set();
        }

        public static void AValueIsRefreshedEarlyByOneAndInTheBackground()
        {
            Cache c = Clusters.Cache();
            LoadPolicy eager = c.CreateLoadPolicy(new Settings { ["eager_refresh"] = 0.05 });
            var go = new ManualResetEventSlim();
            int calls = 0;
            Func<string> load = () =>
            {
                Interlocked.Increment(ref calls);
                go.Wait();
                return "new";
            };
            c.Put("k", "old", TimeSpan.FromSeconds(10));
            Stopwatch watch = Stopwatch.StartNew();
            while (Counter(c, "refreshes") == 0)
            {
                Check.Equal("old", c.GetOrLoad("k", load, Minute, policy: eager));
                Check.That(watch.Elapsed < TimeSpan.FromSeconds(9), "it is not refreshed");
            }
            for (int round = 0; round < 5; round++)
            {
                Check.Equal("old", c.GetOrLoad("k", load, policy: eager));
            }
            go.Set();
            Check.Eventually(() => Holds(c, "k", "new"), "the fill");
            Check.Equal(1, calls);
        }

        public static void TheSameForTasks()
        {
            Cache c = Cache(new Settings { ["fail_safe"] = 60, ["load_soft_timeout"] = Brief, ["load_hard_timeout"] = Brief });
            Expired(c, "failed");
            Func<CancellationToken, Task<string>> fails = token => Task.FromException<string>(new IOException("down"));
            LoadPolicy patient = c.CreateLoadPolicy(new Settings { ["load_soft_timeout"] = 20, ["load_hard_timeout"] = 20 });
            Check.Equal("old", c.GetOrLoadAsync("failed", fails, policy: patient).Result);
            Check.Equal("old", c.GetOrLoadAsync("failed", fails, policy: patient).Result, "paused");
            Check.Equal(1L, Counter(c, "load_failures"));
            var database = new TaskCompletionSource<string>();
            var tokens = new ConcurrentQueue<CancellationToken>();
            var source = new CancellationTokenSource();
            Func<CancellationToken, Task<string>> slow = token =>
            {
                tokens.Enqueue(token);
                return database.Task;
            };
            Expired(c, "slow");
            Check.Equal("old", c.GetOrLoadAsync("slow", slow, cancel: source.Token).Result);
            Check.Equal("old", c.GetOrLoadAsync("slow", fails).Result, "who waits for it is served as well");
            foreach (Func<CancellationToken, Task<string>> loader in new[] { slow, fails })
            {
                Task<string> late = c.GetOrLoadAsync("missing", loader, cancel: source.Token);
                Check.That(Check.Throws<AggregateException>(() => late.Wait()).InnerException is MCCacheTimeoutException, "late");
            }
            Check.Equal("2 2", Counter(c, "loads_slow") + " " + Counter(c, "loads_timed_out"));
            source.Cancel();
            Check.Eventually(() => tokens.Count == 2, "both are begun");
            Check.That(tokens.All(token => !token.IsCancellationRequested), "what goes on is not cancelled");
            database.SetResult("new");
            Check.Eventually(() => Holds(c, "slow", "new") && Holds(c, "missing", "new"), "the fills");
            LoadPolicy eager = c.CreateLoadPolicy(new Settings { ["eager_refresh"] = 0.05, ["load_soft_timeout"] = 0 });
            c.Put("eager", "old", TimeSpan.FromSeconds(10));
            Check.Eventually(() => c.GetOrLoadAsync("eager", slow, Minute, policy: eager).Result == "new", "the refresh");
        }

        public static void ATaskThatWaitsIsCancelledWithItsLoader()
        {
            Cache c = Cache(new Settings { ["load_hard_timeout"] = 60 });
            var source = new CancellationTokenSource();
            var begun = new ManualResetEventSlim();
            bool heard = false;
            Task<int> load = c.GetOrLoadAsync("k", async token =>
            {
                begun.Set();
                try
                {
                    await Task.Delay(Timeout.Infinite, token);
                }
                finally
                {
                    Volatile.Write(ref heard, token.IsCancellationRequested);
                }
                return 1;
            }, cancel: source.Token);
            begun.Wait();
            source.Cancel();
            AggregateException ended = Check.Throws<AggregateException>(() => load.Wait());
            Check.That(ended.InnerException is OperationCanceledException, "cancelled: " + ended);
            Check.Eventually(() => Volatile.Read(ref heard), "the loader hears it");
            Check.Equal(2, c.GetOrLoadAsync("k", token => Task.FromResult(2)).Result, "and the next loads");
            Check.Equal(0L, Counter(c, "load_failures"));
        }

        public static void EachDegradationIsTold()
        {
            Cache c = Cache(new Settings { ["fail_safe"] = 60 });
            Expired(c, "k");
            var kinds = new List<EventKind>();
            using (EventQueue events = c.OpenEvents())
            {
                c.GetOrLoad<string>("k", () => { throw new IOException("no database"); });
                while (kinds.Count < 2)
                {
                    Check.That(events.TryTake(TimeSpan.FromSeconds(20), out CacheEvent next), "told in time");
                    if (next.Kind > EventKind.Overflow)
                    {
                        kinds.Add(next.Kind);
                    }
                }
            }
            Check.Equal("LoadFailed Stale", string.Join(" ", kinds));
        }

        public static void APolicyTakesSettingsOfLoadsInTheirRange()
        {
            Cache c = Clusters.Cache();
            var wrong = new[]
            {
                new Settings { ["fail_safe"] = 86401 }, new Settings { ["eager_refresh"] = 1 },
                new Settings { ["load_soft_timeout"] = -1 }, new Settings { ["cluster"] = "x" }, new Settings { ["x"] = 1 },
            };
            foreach (Settings settings in wrong)
            {
                Check.Throws<MCCacheConfigException>(() => c.CreateLoadPolicy(settings), settings.First().Key);
            }
            Check.Throws<ArgumentNullException>(() => c.CreateLoadPolicy(null));
            LoadPolicy policy = c.CreateLoadPolicy(new Settings { ["load_hard_timeout"] = 1.5 });
            Check.That(policy.ToString().Contains("1500 ms"), policy.ToString());
        }
    }
}
