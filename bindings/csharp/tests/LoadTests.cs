using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using MCCache;

namespace MCCache.Tests
{
    /// <summary>GetOrLoad, and waiting without a thread.</summary>
    internal static class LoadTests
    {
        public static void AValueIsLoadedOnce()
        {
            Cache c = Clusters.Cache();
            int loads = 0;
            for (int round = 0; round < 3; round++)
            {
                Check.Equal("loaded", c.GetOrLoad("k", () => "loaded" + (++loads > 1 ? " again" : ""), TimeSpan.FromMinutes(1)));
            }
            Check.Equal(1, loads);
            Check.Equal(1L, c.GetStats().Misses);
            Check.Equal(2L, c.GetStats().Hits);
            Check.That(c.GetMetadata("k").TimeToLive <= TimeSpan.FromMinutes(1), "with its time to live");
            byte[] large = new byte[5000];
            Check.Equal(large, c.GetOrLoad("large", () => large));
            Check.Equal(large, c.GetOrLoad("large", Again<byte[]>));
            Check.Equal(5, c.GetOrLoad("n", () => 5));
            Check.Equal(5, c.GetOrLoad("n", Again<int>));
            Check.Equal(null, c.GetOrLoad<string>("nothing", () => null));
            Check.Equal(null, c.GetOrLoad("nothing", Again<string>));
        }

        private static T Again<T>()
        {
            throw new CheckException("loaded again");
        }

        public static void ATagTakesWhatWasLoadedWithIt()
        {
            Cache c = Clusters.Cache();
            string[] tags = { "user:7", "prices" };
            Check.Equal(1, c.GetOrLoad("a", () => 1, TimeSpan.FromMinutes(1), tags: tags));
            Check.Equal(2, c.GetOrLoadAsync("b", token => Task.FromResult(2), tags: tags).Result);
            Check.Equal(3, c.GetOrLoad("c", () => 3, tags: new[] { "user:8" }));
            Check.Equal(4, c.GetOrLoad("d", () => 4, tags: new string[0]));
            Check.That(c.GetMetadata("a").TimeToLive <= TimeSpan.FromMinutes(1), "with its time to live");
            c.InvalidateTag("prices");
            Check.That(!c.ContainsKey("a") && !c.ContainsKey("b"), "both are gone");
            Check.That(c.ContainsKey("c") && c.ContainsKey("d"), "the others stay");
            Check.Equal(5, c.GetOrLoad("a", () => 5, tags: tags));
            Check.Equal(5L, c["a"], "what is loaded afterwards is read");
        }

        public static void ATagThatIsInvalidatedMeanwhileWins()
        {
            Cache c = Clusters.Cache();
            string[] tags = { "user:7", "prices" };
            Check.Equal(1, c.GetOrLoad("k", () =>
            {
                c.InvalidateTag("prices");
                return 1;
            }, tags: tags));
            Check.That(!c.ContainsKey("k"), "nothing is put");
            var database = new TaskCompletionSource<int>();
            Task<int> answer = c.GetOrLoadAsync("k", token => database.Task, tags: tags);
            Check.Eventually(() => c.GetStats().Misses > 1, "it loads");
            c.InvalidateTag("user:7");
            database.SetResult(2);
            Check.Equal(2, answer.Result);
            Check.That(!c.ContainsKey("k"), "nothing is put");
        }

        public static void ATagOfALoadIsInvalidatedByAnotherNode()
        {
            Cache a = Clusters.Cache(), b = Clusters.Cache();
            a.Node.WaitReady(TimeSpan.FromSeconds(20));
            b.Node.WaitReady(TimeSpan.FromSeconds(20));
            a.GetOrLoad("k", () => 1, tags: new[] { "prices" });
            a.Sync(TimeSpan.FromSeconds(20));
            Check.Equal(1L, b["k"]);
            b.InvalidateTag("prices");
            b.Sync(TimeSpan.FromSeconds(20));
            Check.That(!a.ContainsKey("k"), "gone where it was loaded");
        }

        public static void TagsThatCannotBeAreRefusedBeforeTheLoad()
        {
            Cache c = Clusters.Cache();
            var bad = new[]
            {
                new[] { "" }, new[] { "a", "b\0c" }, new[] { new string('\u00e9', 128) }, new[] { "\ud800" },
                Enumerable.Repeat("t", 17).ToArray(),
            };
            foreach (string[] tags in bad)
            {
                Check.Throws<MCCacheArgumentException>(() => c.GetOrLoad("k", Again<int>, tags: tags), "tags");
                Check.Throws<MCCacheArgumentException>(
                    () => c.GetOrLoadAsync<int>("k", token => { throw new CheckException("loaded"); }, tags: tags), "tags");
            }
            Check.Throws<ArgumentNullException>(() => c.GetOrLoad("k", Again<int>, tags: new string[] { null }), "tags");
            Check.Throws<ArgumentNullException>(() => c.InvalidateTag(null), "tag");
            Check.Equal(1, c.GetOrLoad("k", () => 1, tags: new[] { new string('\u00e9', 127) + "e" }));
        }

        public static void OfManyThreadsOneLoads()
        {
            Cache c = Clusters.Cache();
            int loads = 0;
            var all = new Barrier(8);
            Thread[] threads = Threads.Start(8, number =>
            {
                for (int round = 0; round < 20; round++)
                {
                    all.SignalAndWait();
                    int found = c.GetOrLoad("k" + round, () =>
                    {
                        Thread.Sleep(5);
                        return Interlocked.Increment(ref loads);
                    });
                    Check.That(found == round + 1, "round " + round + " found " + found);
                }
            });
            Threads.Join(threads);
            Check.Equal(20, loads);
        }

        public static void WhatALoaderThrowsPassesAndTheNextLoads()
        {
            Cache c = Clusters.Cache();
            var own = new InvalidTimeZoneException("the loader's own");
            Check.That(ReferenceEquals(own, Check.Throws<InvalidTimeZoneException>(() => c.GetOrLoad<int>("k", () => { throw own; }))), "itself");
            Check.Throws<ArgumentException>(() => c.GetOrLoad("k", () => new object()), "System.Object");
            Check.Throws<ArgumentNullException>(() => c.GetOrLoad<int>("k", null));
            Check.Equal(1, c.GetOrLoad("k", () => 1, timeout: TimeSpan.Zero));
            c["text"] = "x";
            Check.Throws<InvalidCastException>(() => c.GetOrLoad("text", () => 1));
        }

        public static void AWriteMeanwhileWins()
        {
            Cache c = Clusters.Cache();
            string got = c.GetOrLoad("k", () =>
            {
                c["k"] = "written meanwhile";
                return "loaded";
            });
            Check.Equal("loaded", got);
            Check.Equal("written meanwhile", c["k"]);
            got = c.GetOrLoad("gone", () =>
            {
                c.Remove("gone");
                return "loaded";
            });
            Check.Equal("loaded", got);
            Check.That(!c.ContainsKey("gone"), "a delete wins, too");
        }

        public static void ALoaderThatAsksForItsOwnKeyTimesOut()
        {
            Cache c = Clusters.Cache();
            Check.Throws<MCCacheTimeoutException>(
                () => c.GetOrLoad("k", () => c.GetOrLoad("k", () => 1, timeout: TimeSpan.FromMilliseconds(150))), "150 ms", "'k'");
            Check.Equal(2, c.GetOrLoad("k", () => 2, timeout: TimeSpan.Zero));
        }

        public static void WaitingEndsByATokenByInterruptAndByClose()
        {
            Cache c = Clusters.Cache();
            var loading = new ManualResetEventSlim();
            var finish = new ManualResetEventSlim();
            Thread loader = Threads.Start(1, number => c.GetOrLoad("k", () =>
            {
                loading.Set();
                finish.Wait();
                return 1;
            }))[0];
            loading.Wait();
            var source = new CancellationTokenSource(100);
            Check.Throws<OperationCanceledException>(() => c.GetOrLoad("k", () => 2, cancel: source.Token));
            Exception interrupted = null;
            var waiting = new Thread(() =>
            {
                try
                {
                    c.GetOrLoad("k", () => 2);
                }
                catch (Exception problem)
                {
                    interrupted = problem;
                }
            });
            waiting.Start();
            waiting.Interrupt();
            Check.That(waiting.Join(20000), "the interrupt is heard");
            Check.That(interrupted is ThreadInterruptedException, "as such: " + interrupted);
            Task<int> task = c.GetOrLoadAsync("k", token => Task.FromResult(2));
            Check.That(!task.IsCompleted, "it waits");
            finish.Set();
            Threads.Join(new[] { loader });
            Check.Equal(1, task.Result);
        }

        public static void AsynchronousLoads()
        {
            Cache c = Clusters.Cache();
            int loads = 0;
            Task<int>[] tasks = Enumerable.Range(0, 50).Select(number => c.GetOrLoadAsync("k", async token =>
            {
                await Task.Delay(30, token);
                return Interlocked.Increment(ref loads);
            })).ToArray();
            Check.That(Task.WaitAll(tasks, 20000), "all end");
            Check.That(tasks.All(task => task.Result == 1) && loads == 1, "one loads for all: " + loads);
            Check.That(c.GetOrLoadAsync<int>("k", token => { throw new CheckException("again"); }).IsCompleted, "a hit is there at once");
            Failed<InvalidTimeZoneException>(c.GetOrLoadAsync<int>("other", token => { throw new InvalidTimeZoneException(); }));
            Check.Equal(7, c.GetOrLoadAsync("other", token => Task.FromResult(7), timeout: TimeSpan.Zero).Result);
            Failed<OperationCanceledException>(c.GetOrLoadAsync("x", token => Task.FromResult(7), cancel: new CancellationToken(true)));
            var source = new CancellationTokenSource();
            Task<int> slow = c.GetOrLoadAsync("slow", async token =>
            {
                await Task.Delay(Timeout.Infinite, token);
                return 1;
            }, cancel: source.Token);
            Failed<MCCacheTimeoutException>(c.GetOrLoadAsync("slow", token => Task.FromResult(2), timeout: TimeSpan.FromMilliseconds(50)));
            source.Cancel();
            Failed<OperationCanceledException>(slow);
            Check.Equal(3, c.GetOrLoadAsync("slow", token => Task.FromResult(3)).Result);
        }

        public static void AsynchronousWaits()
        {
            Cache a = Clusters.Cache(), b = Clusters.Cache();
            Check.That(a.Node.WaitReadyAsync(TimeSpan.FromSeconds(20)).Wait(20000), "ready");
            // Who is not known yet is not waited for.
            Check.That(b.Node.WaitReadyAsync(TimeSpan.FromSeconds(20)).Wait(20000), "the other, too");
            Check.Eventually(() => a.Node.GetMembers().Count > 0, "they know each other");
            a["k"] = 1;
            Check.That(a.SyncAsync(TimeSpan.FromSeconds(20)).Wait(20000), "in sync");
            Check.Equal(1L, b["k"]);
            Check.That(a.SyncAsync(cancel: new CancellationToken(true)).IsCanceled, "cancelled at once");
            WriteToken token = a.PutToken("t", 1);
            Check.That(a.SyncTokenAsync(token, TimeSpan.FromSeconds(20), 1).Wait(20000), "one has it");
            Failed<MCCacheTimeoutException>(a.SyncTokenAsync(token, TimeSpan.FromMilliseconds(30), 2));
            Check.That(a.SyncTokenAsync(token, cancel: new CancellationToken(true)).IsCanceled, "cancelled at once");
            Check.Throws<ArgumentOutOfRangeException>(() => a.SyncTokenAsync(token, members: 0));
            Check.Throws<ArgumentOutOfRangeException>(() => a.SyncAsync(TimeSpan.FromSeconds(-3)));
            a.Dispose();
            Check.Throws<MCCacheClosedException>(() => a.SyncAsync());
        }

        private static void Failed<T>(Task task) where T : Exception
        {
            try
            {
                Check.That(task.Wait(20000), "it ends");
            }
            catch (AggregateException problem)
            {
                Check.That(problem.InnerException is T, typeof(T).Name + ", not " + problem.InnerException);
                return;
            }
            throw new CheckException("no " + typeof(T).Name);
        }
    }

    /// <summary>Threads whose failures are the test's.</summary>
    internal static class Threads
    {
        private static readonly List<Exception> Failures = new List<Exception>();

        internal static Thread[] Start(int count, Action<int> work)
        {
            Thread[] threads = Enumerable.Range(0, count).Select(number => new Thread(() =>
            {
                try
                {
                    work(number);
                }
                catch (Exception failure)
                {
                    lock (Failures)
                    {
                        Failures.Add(failure);
                    }
                }
            }) { IsBackground = true }).ToArray();
            foreach (Thread thread in threads)
            {
                thread.Start();
            }
            return threads;
        }

        internal static void Join(IEnumerable<Thread> threads)
        {
            Stopwatch watch = Stopwatch.StartNew();
            foreach (Thread thread in threads)
            {
                Check.That(thread.Join((int)Math.Max(1, 60000 - watch.ElapsedMilliseconds)), "a thread does not end");
            }
            lock (Failures)
            {
                Exception[] failures = Failures.ToArray();
                Failures.Clear();
                Check.That(failures.Length == 0, string.Join(" | ", failures.Select(each => each.ToString())));
            }
        }
    }
}
