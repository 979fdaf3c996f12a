using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using MCCache;

namespace MCCache.Tests
{
    /// <summary>The core's log as an event of .NET.</summary>
    internal static class LogTests
    {
        // Two members who find each other and part.
        private static void Meet()
        {
            Node one = Clusters.Node(), two = Clusters.Node();
            Check.Eventually(() => one.GetMembers().Count > 0 && two.GetMembers().Count > 0, "the members");
            one.Dispose();
            two.Dispose();
        }

        private static void Listening(EventHandler<LogRecord> listener, Action work, LogLevel level = LogLevel.Info)
        {
            Log.Level = level;
            Log.Written += listener;
            try
            {
                work();
            }
            finally
            {
                Log.Written -= listener;
                Log.Level = LogLevel.Info;
            }
        }

        public static void WhatTheCoreSaysComesWithItsLevelAndWhereItWasSaid()
        {
            var heard = new ConcurrentQueue<LogRecord>();
            Listening((sender, record) => heard.Enqueue(record), Meet);
            // Removing the listener waited for the last words.
            int count = heard.Count;
            LogRecord joined = heard.First(record => record.Message.StartsWith("member joined", StringComparison.Ordinal));
            Check.Equal(LogLevel.Info.ToString(), joined.Level.ToString());
            Check.That(joined.Target.StartsWith("mccache::", StringComparison.Ordinal), joined.Target);
            Check.That((DateTimeOffset.UtcNow - joined.Time).Duration() < TimeSpan.FromMinutes(2), joined.Time.ToString());
            Check.That(heard.Any(record => record.Message.StartsWith("member left", StringComparison.Ordinal)), "the last words");
            Meet();
            Check.Equal(count, heard.Count, "nobody listens any more");
        }

        public static void TheLevelIsHeededAndFollowedAtOnce()
        {
            var heard = new ConcurrentQueue<LogLevel>();
            EventHandler<LogRecord> listener = (sender, record) => heard.Enqueue(record.Level);
            Listening(listener, () =>
            {
                Meet();
                Check.That(heard.All(level => level <= LogLevel.Warning), "at most warnings");
                Log.Level = LogLevel.Debug;
                Meet();
            }, LogLevel.Warning);
            Check.That(heard.Contains(LogLevel.Info) && heard.Contains(LogLevel.Debug), "followed");
            Check.Throws<ArgumentOutOfRangeException>(() => Log.Level = 0);
            Check.Throws<ArgumentOutOfRangeException>(() => Log.Level = (LogLevel)6);
            Check.Equal(LogLevel.Info.ToString(), Log.Level.ToString());
        }

        public static void WhatASlowListenerMissesIsCounted()
        {
            Node node = Clusters.Node(new Settings { ["crypto_key"] = Key(1, "0f"), ["interface"] = "127.0.0.1" });
            var go = new ManualResetEventSlim();
            var heard = new ConcurrentQueue<LogRecord>();
            Listening((sender, record) =>
            {
                go.Wait();
                heard.Enqueue(record);
            }, () =>
            {
                // Two lines each; a queue holds 1,024.
                for (int round = 0; round < KeyChanges; round++)
                {
                    node.AddKey(Key(2, "1e"));
                    node.RemoveKey(2);
                }
                go.Set();
                Check.Eventually(() => Said(heard) >= 2 * KeyChanges, "all that was said");
            });
            Check.Equal(2L * KeyChanges, Said(heard));
            Check.Equal(1, heard.Count(record => record.Dropped > 0), "the gap is told once");
            Check.That(heard.Last().Message.StartsWith("key removed", StringComparison.Ordinal), "the oldest were dropped");
        }

        private const int KeyChanges = 700;

        private static string Key(int id, string digits)
        {
            return id + ":" + string.Concat(Enumerable.Repeat(digits, 32));
        }

        // Lines about keys, and those that were dropped: there is nothing else to be said.
        private static long Said(ConcurrentQueue<LogRecord> heard)
        {
            return heard.Sum(record => record.Dropped + (record.Message.StartsWith("key ", StringComparison.Ordinal) ? 1 : 0));
        }

        /// <summary>What is said while a process ends, by either way to end it, is told before it has ended.</summary>
        public static void TheLastWordsOfAProcessAreTold()
        {
            foreach (string way in new[] { "return", "exit" })
            {
                string said = Program.Output("--last-words", way, Clusters.Node().GetSetting("cluster") + "-" + way);
                // Which of the two leaves first is nobody's promise.
                Check.That(said.Contains("member left member=one") || said.Contains("member left member=two"), way + ": " + said);
            }
        }

        internal static int SayLastWords(string way, string cluster)
        {
            Log.Written += (sender, record) =>
            {
                // So slow that the end has to wait for it.
                Thread.Sleep(100);
                Console.WriteLine(record.Message);
            };
            Node one = Member(cluster, "one"), two = Member(cluster, "two");
            Check.Eventually(() => one.GetMembers().Count > 0 && two.GetMembers().Count > 0, "the members");
            if (way == "exit")
            {
                Environment.Exit(0);
            }
            return 0;
        }

        private static Node Member(string cluster, string name)
        {
            return new Node(new Settings { ["cluster"] = cluster, ["interface"] = "host", ["node_name"] = name });
        }

        public static void AListenerMayUseCachesAndMayThrowAndMayLeave()
        {
            Cache c = Clusters.Cache();
            int calls = 0;
            EventHandler<LogRecord> once = null;
            int left = 0;
            once = (sender, record) =>
            {
                left++;
                Log.Written -= once;
            };
            Log.Written += once;
            Listening((sender, record) =>
            {
                c["last"] = record.Message;
                c.GetOrLoad("first", () => record.Message);
                Interlocked.Increment(ref calls);
                throw new InvalidTimeZoneException("of the listener");
            }, () =>
            {
                Meet();
                Check.Eventually(() => Volatile.Read(ref calls) > 2, "it goes on");
            });
            Check.That(c.ContainsKey("last") && c.ContainsKey("first"), "both are put");
            Check.Equal(1, left);
            Log.Written += null;
        }

        public static void TheOnlyListenerMayLeaveWhileItIsTold()
        {
            int calls = 0;
            EventHandler<LogRecord> own = null;
            own = (sender, record) =>
            {
                Interlocked.Increment(ref calls);
                Log.Written -= own;
            };
            Log.Written += own;
            Meet();
            Check.Eventually(() => Volatile.Read(ref calls) > 0, "told");
            Meet();
            Check.Equal(1, calls);
        }
    }
}
