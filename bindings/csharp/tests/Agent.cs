// One member of a cluster of many languages: reads commands from its standard input, and answers each with one line.
// The commands are told in docs/TESTING.md; `cargo xtask polyglot` gives them. Its node is the process's own.

using System;
using System.Globalization;
using System.Threading;
using MCCache;

namespace MCCache.Tests
{
    internal static class Agent
    {
        private static Cache cache;

        private static int Main(string[] arguments)
        {
            Node node;
            try
            {
                node = Node.Own();
                cache = node.OpenCache(arguments[0]);
                node.WaitReady(TimeSpan.FromSeconds(30));
            }
            catch (Exception problem)
            {
                Say("error: " + Runner.OneLine(problem.ToString()));
                return 1;
            }
            Say("ready csharp");
            for (string line = Console.ReadLine(); line != null; line = Console.ReadLine())
            {
                string[] words = line.Split(new[] { ' ' }, StringSplitOptions.RemoveEmptyEntries);
                if (words.Length > 0 && words[0] == "quit")
                {
                    break;
                }
                Say(Answer(words));
            }
            node.Dispose();
            Say("bye");
            return 0;
        }

        private static void Say(string line)
        {
            Console.Out.WriteLine(line);
            Console.Out.Flush();
        }

        private static string Answer(string[] words)
        {
            try
            {
                return Obey(words);
            }
            catch (Exception problem)
            {
                return "error: " + Runner.OneLine(problem.GetType().Name + ": " + problem.Message);
            }
        }

        private static string Obey(string[] words)
        {
            switch (words.Length == 0 ? "" : words[0])
            {
                case "put":
                    cache[words[1]] = Matrix.Native(words[2]);
                    return "ok";
                case "check":
                    return Compared(words[1], Matrix.Native(words[2]));
                case "work":
                    return "ok " + Work(int.Parse(words[1]), ulong.Parse(words[2]));
                case "sync":
                    return Synced(int.Parse(words[1])) ? "ok" : "timeout";
                case "sum":
                    CacheChecksum sum = cache.GetChecksum();
                    return sum.Sum.ToString(CultureInfo.InvariantCulture) + " " + sum.Entries;
                case "members":
                    return cache.Node.GetMembers().Count.ToString(CultureInfo.InvariantCulture);
                case "clear":
                    cache.Clear();
                    return "ok";
                default:
                    return "error: no such command: " + string.Join(" ", words);
            }
        }

        private static string Compared(string key, object own)
        {
            if (!cache.TryGetValue(key, out object found))
            {
                return "missing";
            }
            return Check.Same(own, found) ? "equal" : "differs: " + Runner.OneLine(Check.Show(found));
        }

        private static bool Synced(int milliseconds)
        {
            try
            {
                cache.Sync(TimeSpan.FromMilliseconds(milliseconds));
                return true;
            }
            catch (MCCacheTimeoutException)
            {
                return false;
            }
        }

        // 55 % look-ups, 20 % puts of new text, 20 % updates, 5 % deletes.
        private static long Work(int milliseconds, ulong seed)
        {
            var watch = System.Diagnostics.Stopwatch.StartNew();
            ulong state = seed * 2 + 1;
            long operations = 0;
            while (watch.ElapsedMilliseconds < milliseconds)
            {
                // xorshift64.
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                string key = "w" + (state >> 8) % 100;
                ulong dice = (state >> 32) % 100;
                if (dice < 55)
                {
                    cache.TryGetValue(key, out object _);
                }
                else if (dice < 75)
                {
                    cache[key] = "csharp " + operations;
                }
                else if (dice < 95)
                {
                    cache[key] = (cache.GetValueOrDefault<string>(key) ?? "new").Split('+')[0] + "+" + operations;
                }
                else
                {
                    cache.Remove(key);
                }
                operations++;
            }
            return operations;
        }
    }
}
