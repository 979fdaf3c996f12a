using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using MCCache;

namespace MCCache.Tests
{
    /// <summary>Events of .NET, raised on a thread of the binding's own, and the queue beneath them.</summary>
    internal static class EventTests
    {
        public static void ListenersHearOfEveryKind()
        {
            Cache a = Clusters.Cache(), b = Clusters.Cache();
            var heard = new ConcurrentQueue<CacheEvent>();
            int thread = 0;
            b.Changed += (sender, what) =>
            {
                Check.That(ReferenceEquals(sender, b), "the cache is the sender");
                thread = Thread.CurrentThread.ManagedThreadId;
                heard.Enqueue(what);
            };
            a["k"] = 1;
            Until(heard, EventKind.Put, "k");
            a.Remove("k");
            Until(heard, EventKind.Delete, "k");
            b.Put("short", 1, TimeSpan.FromMilliseconds(20));
            Until(heard, EventKind.Expire, "short");
            b.Clear();
            Check.Eventually(() => heard.Any(what => what.Kind == EventKind.Clear && what.IsLocal), "the clear");
            b[new byte[] { 0xff }] = 1;
            Check.Eventually(() => heard.Any(what => what.Key == new byte[] { 0xff }), "a key of bytes");
            Check.That(thread != Thread.CurrentThread.ManagedThreadId, "not on the caller's thread");
            Check.That(heard.All(what => what.Cache == "c"), "of this cache");
        }

        public static void ChangesOfWhatWasReadAreToldAndNoOthers()
        {
            Cache c = Clusters.Cache();
            c["read"] = 1;
            c["unread"] = 1;
            using (EventQueue events = c.OpenEventsOfLookups(TimeSpan.FromSeconds(20)))
            {
                Check.Equal(1L, c["read"]);
                c["unread"] = 2;
                c["read"] = 2;
                CacheEvent told;
                Check.That(events.TryTake(TimeSpan.FromSeconds(20), out told), "something is told");
                Check.That(told.Kind == EventKind.Put && told.Key == "read" && told.IsLocal, "the put of what was read");
                c.Remove("read");
                Check.That(events.TryTake(TimeSpan.FromSeconds(20), out told) && told.Kind == EventKind.Delete, "and its removal");
                Check.That(!events.TryTake(TimeSpan.Zero, out told), "and nothing else");
            }
            Check.Throws<ArgumentOutOfRangeException>(() => c.OpenEventsOfLookups(TimeSpan.Zero), "above zero");
        }

        private static void Until(ConcurrentQueue<CacheEvent> heard, EventKind kind, string key)
        {
            Check.Eventually(() => heard.Any(what => what.Kind == kind && what.Key == key), kind + " of " + key);
        }

        public static void NodesTellWhoComesAndGoes()
        {
            Node a = Clusters.Node(new Settings { ["node_name"] = "first" });
            var joined = new ConcurrentQueue<string>();
            var left = new ConcurrentQueue<string>();
            var changed = new ConcurrentQueue<string>();
            a.MemberJoined += (sender, what) => joined.Enqueue(what.Member);
            a.MemberLeft += (sender, what) => left.Enqueue(what.Member);
            a.Changed += (sender, what) => changed.Enqueue(what.Cache + "." + what.Key);
            Node b = Clusters.Node(new Settings { ["node_name"] = "second" });
            Check.Eventually(() => joined.Contains("second"), "the other joins");
            a.OpenCache("x")["k"] = 1;
            a.OpenCache("y")["l"] = 1;
            Check.Eventually(() => changed.Contains("x.k") && changed.Contains("y.l"), "changes in all caches");
            b.Dispose();
            Check.Eventually(() => left.Contains("second"), "the other leaves");
        }

        public static void AnInvalidatedTagIsToldWithItsSource()
        {
            Cache a = Clusters.Node(new Settings { ["node_name"] = "source" }).OpenCache("c");
            Cache b = Clusters.Node(new Settings { ["node_name"] = "other" }).OpenCache("c");
            a.Node.WaitReady(TimeSpan.FromSeconds(20));
            b.Node.WaitReady(TimeSpan.FromSeconds(20));
            var heard = new ConcurrentQueue<CacheEvent>();
            var ofNode = new ConcurrentQueue<CacheEvent>();
            b.Changed += (sender, what) => heard.Enqueue(what);
            b.Node.Changed += (sender, what) => ofNode.Enqueue(what);
            EventQueue own = a.OpenEvents();
            a.PutTagged("k", 1, new[] { "user:7" });
            Until(heard, EventKind.Put, "k");
            a.InvalidateTag("user:7");
            Until(heard, EventKind.TagInvalidated, "user:7");
            Until(ofNode, EventKind.TagInvalidated, "user:7");
            CacheEvent told = heard.Last();
            Check.Equal("source c False", told.Member + " " + told.Cache + " " + told.IsLocal);
            Check.That(!b.ContainsKey("k"), "its entry is gone");
            CacheEvent here = own.TakeAll().First(what => what.Kind == EventKind.TagInvalidated);
            Check.That(here.IsLocal && here.Version.Equals(told.Version), "the same one, at its source");
            Check.That(told.ToString().StartsWith("TagInvalidated c[user:7] by source", StringComparison.Ordinal), told.ToString());
        }

        public static void AListenerThatThrowsDoesNotEndTheOthers()
        {
            Cache c = Clusters.Cache();
            var failures = new ConcurrentQueue<Exception>();
            int heard = 0;
            c.ListenerFailed += (sender, what) =>
            {
                failures.Enqueue(what.Exception);
                throw new InvalidOperationException("this one, too");
            };
            c.Changed += (sender, what) => { throw new InvalidTimeZoneException("of the listener"); };
            c.Changed += (sender, what) => Interlocked.Increment(ref heard);
            c["a"] = 1;
            c["b"] = 2;
            Check.Eventually(() => heard == 2 && failures.Count == 2, "both are told");
            Check.That(failures.All(failure => failure is InvalidTimeZoneException), "what it threw");
        }

        public static void WithoutAListenerOfFailuresTraceIsTold()
        {
            Cache c = Clusters.Cache();
            var listener = new Told();
            Trace.Listeners.Add(listener);
            try
            {
                c.Changed += (sender, what) => { throw new InvalidTimeZoneException("of the listener"); };
                c["k"] = 1;
                Check.Eventually(() => listener.Lines.Any(line => line.Contains("InvalidTimeZoneException: of the listener")), "it is traced");
            }
            finally
            {
                Trace.Listeners.Remove(listener);
            }
        }

        private sealed class Told : TraceListener
        {
            internal readonly ConcurrentQueue<string> Lines = new ConcurrentQueue<string>();

            public override void Write(string message)
            {
                Lines.Enqueue(message);
            }

            public override void WriteLine(string message)
            {
                Lines.Enqueue(message);
            }
        }

        public static void ListenersComeAndGo()
        {
            Cache c = Clusters.Cache();
            int first = 0, second = 0;
            EventHandler<CacheEvent> listener = (sender, what) => Interlocked.Increment(ref first);
            c.Changed += listener;
            c["a"] = 1;
            Check.Eventually(() => first == 1, "it is told");
            c.Changed -= listener;
            c.Changed += (sender, what) => Interlocked.Increment(ref second);
            c["b"] = 1;
            Check.Eventually(() => second == 1, "the other is told");
            Check.Equal(1, first);
        }

        public static void AListenerMayCloseItsCacheAndItsNode()
        {
            Cache a = Clusters.Cache(), b = Clusters.Cache();
            var closed = new ManualResetEventSlim();
            a.Changed += (sender, what) =>
            {
                a.Dispose();
                closed.Set();
            };
            a["k"] = 1;
            Check.That(closed.Wait(20000), "the cache is closed by its listener");
            var gone = new ManualResetEventSlim();
            b.Node.Changed += (sender, what) =>
            {
                b.Node.Dispose();
                gone.Set();
            };
            b["k"] = 1;
            Check.That(gone.Wait(20000), "the node is closed by its listener");
            Check.Throws<MCCacheClosedException>(() => GC.KeepAlive(b["k"]));
        }

        public static void ClosingWhileEventsCome()
        {
            for (int round = 0; round < 8; round++)
            {
                Cache c = Clusters.Cache(new Settings { ["cache_mode"] = "local" });
                int heard = 0;
                c.Changed += (sender, what) => Interlocked.Increment(ref heard);
                Thread[] writers = Threads.Start(2, number =>
                {
                    try
                    {
                        for (int i = 0; ; i++)
                        {
                            c["k" + i % 100] = i;
                        }
                    }
                    catch (MCCacheClosedException)
                    {
                    }
                });
                Check.Eventually(() => heard > 100, "events come");
                if (round % 2 == 0)
                {
                    c.Dispose();
                }
                c.Node.Dispose();
                Threads.Join(writers);
            }
        }

        public static void AQueueIsTakenFromAndEnds()
        {
            Cache c = Clusters.Cache();
            EventQueue queue = c.OpenEvents();
            Check.That(!queue.TryTake(TimeSpan.FromMilliseconds(30), out CacheEvent none) && none == null, "nothing happened");
            Check.Throws<OperationCanceledException>(
                () => queue.TryTake(Timeout.InfiniteTimeSpan, out CacheEvent _, new CancellationTokenSource(50).Token));
            var taken = new List<CacheEvent>();
            Thread[] taker = Threads.Start(1, number => taken.AddRange(queue.TakeAll()));
            for (int i = 0; i < 100; i++)
            {
                c["k" + i] = i;
            }
            queue.Dispose();
            queue.Dispose();
            Threads.Join(taker);
            Check.Equal(100, taken.Count);
            Check.That(taken.Select(what => what.Key.TextOrNull).SequenceEqual(Enumerable.Range(0, 100).Select(i => "k" + i)), "in order");
            Check.Throws<MCCacheClosedException>(() => queue.TryTake(TimeSpan.Zero, out CacheEvent _));
        }

        public static void EventsAreAwaited()
        {
            Cache c = Clusters.Cache();
            EventQueue queue = c.OpenEvents();
            Check.Equal(null, queue.TakeAsync(TimeSpan.FromMilliseconds(30)).Result);
            Task<CacheEvent> first = queue.TakeAsync();
            Check.That(!first.IsCompleted, "it waits");
            c["k"] = 1;
            Check.That(first.Wait(20000) && first.Result.Key == "k", "it comes");
            var source = new CancellationTokenSource();
            Task<CacheEvent> never = queue.TakeAsync(cancel: source.Token);
            source.Cancel();
            Check.Eventually(() => never.IsCompleted, "the end of the wait");
            Check.That(never.IsCanceled, "cancelled");
            Check.Throws<ArgumentOutOfRangeException>(() => queue.TakeAsync(TimeSpan.FromSeconds(-2)));
            Task<CacheEvent> last = queue.TakeAsync();
            queue.Dispose();
            Check.Eventually(() => last.IsCompleted, "the end of the queue");
            Check.That(last.Exception?.InnerException is MCCacheClosedException, "closed: " + last.Exception);
            Check.Throws<MCCacheClosedException>(() => queue.TakeAsync());
        }

        public static void LoadsThatGoWrongAreRaised()
        {
            Cache c = Clusters.Node().OpenCache("c", new Settings { ["fail_safe"] = TimeSpan.FromMinutes(1) });
            var heard = new ConcurrentQueue<EventKind>();
            var ofNode = new ConcurrentQueue<EventKind>();
            EventHandler<CacheEvent> listener = (sender, what) => heard.Enqueue(what.Kind);
            c.LoadDegraded += listener;
            c.Node.LoadDegraded += (sender, what) => ofNode.Enqueue(what.Kind);
            c.Put("k", "old", TimeSpan.FromMilliseconds(1));
            Check.Eventually(() => !c.ContainsKey("k"), "its end");
            Check.Equal("old", c.GetOrLoad<string>("k", () => { throw new InvalidTimeZoneException("no database"); }));
            foreach (ConcurrentQueue<EventKind> each in new[] { heard, ofNode })
            {
                Check.Eventually(() => each.Count == 2, "both are told");
                Check.That(each.SequenceEqual(new[] { EventKind.LoadFailed, EventKind.Stale }), string.Join(", ", each));
            }
            c.LoadDegraded -= listener;
        }

        public static void AWaitEndsInTimeWhileOthersWait()
        {
            Cache c = Clusters.Cache();
            EventQueue queue = c.OpenEvents();
            Thread[] takers = Threads.Start(3, number =>
            {
                foreach (CacheEvent _ in queue.TakeAll())
                {
                }
            });
            Stopwatch since = Stopwatch.StartNew();
            for (int i = 0; i < 20; i++)
            {
                Check.That(!queue.TryTake(TimeSpan.FromMilliseconds(5), out CacheEvent _), "nothing happened");
            }
            Check.That(since.ElapsedMilliseconds < 10000, "twenty waits of 5 ms took " + since.ElapsedMilliseconds + " ms");
            queue.Dispose();
            Threads.Join(takers);
        }

        public static void WhoDoesNotKeepUpIsToldHowMuchWasMissed()
        {
            Cache c = Clusters.Cache(new Settings { ["cache_mode"] = "local" });
            using (EventQueue queue = c.OpenEvents())
            {
                const int Puts = 300000;
                for (int i = 0; i < Puts; i++)
                {
                    c["k"] = 1;
                }
                long told = 0, missed = 0;
                while (queue.TryTake(TimeSpan.Zero, out CacheEvent what))
                {
                    told += what.Kind == EventKind.Overflow ? 0 : 1;
                    missed += what.Dropped;
                }
                Check.That(missed > 0, "some were dropped");
                Check.Equal((long)Puts, told + missed);
            }
        }
    }
}
