using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using MCCache;

namespace MCCache.Tests
{
    /// <summary>Closing, freeing, and the garbage collector.</summary>
    internal static class LifetimeTests
    {
        public static void ClosingUnderLoadEndsEveryCallAsClosed()
        {
            for (int round = 0; round < 6; round++)
            {
                Cache c = Clusters.Cache(new Settings { ["cache_mode"] = "local" });
                int calls = 0;
                Thread[] users = Threads.Start(4, number =>
                {
                    try
                    {
                        for (int i = 0; ; i++)
                        {
                            c["k" + i % 50] = new byte[i % 500];
                            c.TryGetValue("k" + (i + 7) % 50, out object _);
                            if (i % 10 == number)
                            {
                                GC.KeepAlive(c.OpenView("k1"));
                                GC.KeepAlive(c.EnumerateKeys().Count());
                                GC.KeepAlive(c.GetOrLoad("l" + i % 9, () => i));
                            }
                            Interlocked.Increment(ref calls);
                        }
                    }
                    catch (MCCacheClosedException)
                    {
                    }
                });
                Check.Eventually(() => calls > 500, "the users are at work");
                if (round % 2 == 0)
                {
                    c.Dispose();
                }
                c.Node.Dispose();
                Threads.Join(users);
            }
        }

        public static void TheCollectorWorksWhileEverythingIsInUse()
        {
            Cache c = Clusters.Cache(new Settings { ["cache_mode"] = "local" });
            bool done = false;
            Thread[] collector = Threads.Start(1, number =>
            {
                while (!Volatile.Read(ref done))
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                }
            });
            var bytes = Enumerable.Range(0, 3000).Select(i => (byte)i).ToArray();
            for (int i = 0; i < 800; i++)
            {
                c["k" + i % 20] = bytes;
                Check.Equal(bytes, c["k" + i % 20]);
                // Left to the collector, at any stage of its use.
                ValueView view = c.OpenView("k" + i % 20);
                Check.Equal(bytes[2999], view.Read<byte>(2999));
                GC.KeepAlive(c.OpenEvents());
                GC.KeepAlive(c.EnumerateKeys().First());
                GC.KeepAlive(c.GetMetadata("k" + i % 20));
                c["list"] = new object[] { i, "text", bytes };
                Check.Equal((long)i, ((List<object>)c["list"])[0]);
            }
            Volatile.Write(ref done, true);
            Threads.Join(collector);
        }

        public static void HandlesAreFreedInAnyOrder()
        {
            for (int round = 0; round < 12; round++)
            {
                Forget(round);
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }

        private static void Forget(int round)
        {
            var node = new Node(new Settings
            {
                ["cluster"] = "csharp-forgotten-" + System.Diagnostics.Process.GetCurrentProcess().Id, ["interface"] = "host",
            });
            Cache c = node.OpenCache("c");
            c["k"] = new byte[5000];
            GC.KeepAlive(c.OpenView("k"));
            GC.KeepAlive(c.OpenEvents());
            IEnumerator<CacheKey> keys = c.EnumerateKeys().GetEnumerator();
            keys.MoveNext();
            if (round % 3 == 0)
            {
                c.Dispose();
            }
            if (round % 2 == 0)
            {
                node.Dispose();
            }
        }

        public static void NodesThatAreForgottenLeaveNothing()
        {
            for (int i = 0; i < 3; i++)
            {
                Cycle();
            }
            long before = Clusters.ResidentBytes();
            for (int i = 0; i < 10; i++)
            {
                Cycle();
            }
            long grown = Clusters.ResidentBytes() - before;
            Check.That(grown < 20 << 20, grown + " bytes more after 10 nodes");
        }

        private static void Cycle()
        {
            Cache c = Clusters.Cache();
            c.Changed += (sender, what) => { };
            for (int i = 0; i < 1000; i++)
            {
                c["k" + i] = new byte[1000];
            }
            Clusters.CloseAll();
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        public static void AWaitEndsWhenItsNodeIsClosed()
        {
            Cache c = Clusters.Cache();
            EventQueue queue = c.OpenEvents();
            var waiting = new CountdownEvent(2);
            Thread[] threads = Threads.Start(2, number =>
            {
                waiting.Signal();
                if (number == 0)
                {
                    Check.Throws<MCCacheClosedException>(() => queue.TryTake(Timeout.InfiniteTimeSpan, out CacheEvent _));
                    return;
                }
                Check.Equal(0, queue.TakeAll().Count());
            });
            waiting.Wait();
            c.Node.Dispose();
            Threads.Join(threads);
        }

        /// <summary>A process that ends while its threads are inside calls neither crashes nor goes in silence.</summary>
        public static void TheEndOfAProcessIsItsGoodbye()
        {
            Node node = Clusters.Node();
            EventQueue events = node.OpenEvents();
            using (Process process = Process.Start(Program.Start("--leave", node.GetSetting("cluster"))))
            {
                Check.That(process.WaitForExit(30000), "it ends");
                Check.Equal(LeaveCode, process.ExitCode);
            }
            Check.That(events.TakeAll().First(what => what.Kind != EventKind.MemberJoined).Kind == EventKind.MemberLeft, "a goodbye");
        }

        private const int LeaveCode = 3;

        internal static int Leave(string cluster)
        {
            var node = new Node(new Settings { ["cluster"] = cluster, ["interface"] = "host" });
            Cache c = node.OpenCache("left");
            c.Changed += (sender, what) => Thread.Sleep(1);
            node.MemberJoined += (sender, what) => { };
            int calls = 0;
            Threads.Start(3, number =>
            {
                for (int i = 0; ; i++)
                {
                    c["k" + i % 100] = new byte[i % 4000];
                    c.TryGetValue("k1", out object _);
                    GC.KeepAlive(c.OpenView("k2"));
                    Interlocked.Increment(ref calls);
                }
            });
            Threads.Start(1, number => c.OpenEvents().TakeAll().Count());
            node.WaitReady(TimeSpan.FromSeconds(20));
            Check.Eventually(() => calls > 1000, "the threads are at work");
            return LeaveCode;
        }

        public static void ALeaseThatIsLostIsEndedByTheCollector()
        {
            Cache c = Clusters.Cache();
            Lose(c);
            Check.Eventually(
                () =>
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                    try
                    {
                        return c.GetOrLoad("k", () => 2, timeout: TimeSpan.FromMilliseconds(20)) == 2;
                    }
                    catch (MCCacheTimeoutException)
                    {
                        return false;
                    }
                },
                "the next loads");
        }

        // An asynchronous load whose task nobody completes, and everybody forgets.
        private static void Lose(Cache c)
        {
            var thread = new Thread(() => GC.KeepAlive(c.GetOrLoadAsync("k",
                token => new System.Threading.Tasks.TaskCompletionSource<int>().Task)));
            thread.Start();
            thread.Join();
        }
    }
}
