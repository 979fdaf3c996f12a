// The runner of the tests: `ok NAME` or `FAILED NAME: why`, and a count. Tests are the public static methods of the
// classes below, in the order in which they are written. No test framework: NuGet is not needed to build this.

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Threading;
using MCCache;

namespace MCCache.Tests
{
    internal static class Runner
    {
        // The smoke test first: it is told in the same order in every language.
        private static readonly Type[] Suites =
        {
            typeof(Smoke), typeof(ValueTests), typeof(DictionaryTests), typeof(InputTests), typeof(BadInputTests),
            typeof(LoadTests), typeof(LoadPolicyTests), typeof(KeyTests), typeof(LogTests), typeof(EventTests), typeof(ThreadTests),
            typeof(LifetimeTests), typeof(NativeFormatTests), typeof(DistributedCacheTests), typeof(AssemblyTests),
        };

        private static int Main(string[] arguments)
        {
            if (arguments.Length == 2 && arguments[0] == "--leave")
            {
                return LifetimeTests.Leave(arguments[1]);
            }
            if (arguments.Length == 3 && arguments[0] == "--last-words")
            {
                return LogTests.SayLastWords(arguments[1], arguments[2]);
            }
            int passed = 0, failed = 0, skipped = 0;
            foreach (MethodInfo test in Suites.SelectMany(TestsOf))
            {
                string name = test.DeclaringType.Name + "." + test.Name;
                if (arguments.Length > 0 && !arguments.Any(name.Contains))
                {
                    continue;
                }
                switch (Outcome(name, test))
                {
                    case true:
                        passed++;
                        break;
                    case false:
                        failed++;
                        break;
                    default:
                        skipped++;
                        break;
                }
            }
            Console.WriteLine(passed + " passed, " + failed + " failed, " + skipped + " skipped");
            return failed == 0 && passed > 0 ? 0 : 1;
        }

        private static IEnumerable<MethodInfo> TestsOf(Type suite)
        {
            return suite.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
                .OrderBy(test => test.MetadataToken);
        }

        private static bool? Outcome(string name, MethodInfo test)
        {
            Stopwatch watch = Stopwatch.StartNew();
            try
            {
                ((Action)test.CreateDelegate(typeof(Action)))();
                Console.WriteLine("ok " + name + " (" + watch.ElapsedMilliseconds + " ms)");
                return true;
            }
            catch (SkipException reason)
            {
                Console.WriteLine("skip " + name + ": " + reason.Message);
                return null;
            }
            catch (Exception problem)
            {
                Console.WriteLine("FAILED " + name + ": " + problem.GetType().Name + ": " + OneLine(problem.Message));
                Console.WriteLine(problem.StackTrace);
                return false;
            }
            finally
            {
                Clusters.CloseAll();
                Console.Out.Flush();
            }
        }

        internal static string OneLine(string text)
        {
            return text.Replace('\n', ' ');
        }
    }

    /// <summary>This program in another process.</summary>
    internal static class Program
    {
        internal static ProcessStartInfo Start(params string[] arguments)
        {
            return new ProcessStartInfo(Process.GetCurrentProcess().MainModule.FileName,
                "\"" + typeof(Runner).Assembly.Location + "\" " + string.Join(" ", arguments)) { UseShellExecute = false };
        }

        /// <summary>What it writes until it ends, as it should.</summary>
        internal static string Output(params string[] arguments)
        {
            ProcessStartInfo start = Start(arguments);
            start.RedirectStandardOutput = true;
            using (Process process = Process.Start(start))
            {
                string output = process.StandardOutput.ReadToEnd();
                Check.That(process.WaitForExit(30000), "it ends");
                Check.Equal(0, process.ExitCode, output);
                return output;
            }
        }
    }

    /// <summary>A check that cannot be made here.</summary>
    internal sealed class SkipException : Exception
    {
        internal SkipException(string reason) : base(reason) { }
    }

    /// <summary>A check that did not hold.</summary>
    internal sealed class CheckException : Exception
    {
        internal CheckException(string message) : base(message) { }
    }

    internal static class Check
    {
        internal static void That(bool holds, string what)
        {
            if (!holds)
            {
                throw new CheckException(what);
            }
        }

        internal static void Equal(object expected, object found, string what = "")
        {
            if (!Same(expected, found))
            {
                throw new CheckException("expected " + Show(expected) + ", found " + Show(found) + " " + what);
            }
        }

        /// <summary>Runs what must throw, and returns what it threw: exactly this type, or one derived from it.</summary>
        internal static T Throws<T>(Action action, params string[] words) where T : Exception
        {
            try
            {
                action();
            }
            catch (T expected)
            {
                foreach (string word in words)
                {
                    That(expected.Message.Contains(word), "the message has no `" + word + "`: " + expected.Message);
                }
                return expected;
            }
            throw new CheckException("no " + typeof(T).Name + " was thrown");
        }

        /// <summary>Waits for a condition, not for a time.</summary>
        internal static void Eventually(Func<bool> condition, string what)
        {
            Stopwatch watch = Stopwatch.StartNew();
            while (!condition())
            {
                That(watch.Elapsed < TimeSpan.FromSeconds(30), "in 30 s never: " + what);
                Thread.Sleep(2);
            }
        }

        /// <summary>
        /// Equality of values, types included: a long is no double, a text no bytes; NaN equals NaN, and -0.0 is not 0.0.
        /// </summary>
        internal static bool Same(object left, object right)
        {
            if (left == null || right == null)
            {
                return left == null && right == null;
            }
            if (left.GetType() != right.GetType())
            {
                return false;
            }
            if (left is double)
            {
                return double.IsNaN((double)left) ? double.IsNaN((double)right)
                    : BitConverter.DoubleToInt64Bits((double)left) == BitConverter.DoubleToInt64Bits((double)right);
            }
            if (left is DateTimeOffset)
            {
                return ((DateTimeOffset)left).EqualsExact((DateTimeOffset)right);
            }
            if (left is System.Collections.IDictionary)
            {
                return SameMaps((System.Collections.IDictionary)left, (System.Collections.IDictionary)right);
            }
            if (left is System.Collections.IList)
            {
                return SameLists((System.Collections.IList)left, (System.Collections.IList)right);
            }
            return left.Equals(right);
        }

        private static bool SameLists(System.Collections.IList left, System.Collections.IList right)
        {
            return left.Count == right.Count && Enumerable.Range(0, left.Count).All(at => Same(left[at], right[at]));
        }

        private static bool SameMaps(System.Collections.IDictionary left, System.Collections.IDictionary right)
        {
            return left.Count == right.Count
                && left.Keys.Cast<object>().All(key => right.Contains(key) && Same(left[key], right[key]));
        }

        internal static string Show(object value)
        {
            string text;
            if (value is byte[] bytes)
            {
                text = BitConverter.ToString(bytes, 0, Math.Min(bytes.Length, 40));
            }
            else if (value is System.Collections.IDictionary map)
            {
                text = "{" + string.Join(", ", map.Keys.Cast<object>().Select(key => Show(key) + ": " + Show(map[key]))) + "}";
            }
            else if (value is System.Collections.IList list)
            {
                text = "[" + string.Join(", ", list.Cast<object>().Select(Show)) + "]";
            }
            else
            {
                text = Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture);
            }
            text = text.Length > 200 ? text.Substring(0, 200) + "..." : text;
            return value == null ? "null" : value.GetType().Name + " " + text;
        }
    }

    /// <summary>Nodes of a cluster of this process and this test alone, on loopback.</summary>
    internal static class Clusters
    {
        private static readonly List<Node> Open = new List<Node>();
        private static int count;
        private static string current;

        internal const string Key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

        /// <summary>A node of the current test's cluster. More settings go over those that all have.</summary>
        internal static Node Node(Settings more = null)
        {
            current = current ?? "csharp-" + Process.GetCurrentProcess().Id + "-" + Interlocked.Increment(ref count);
            var settings = new Settings { ["cluster"] = current, ["interface"] = "host", ["cache_pulse"] = 0.05 };
            foreach (KeyValuePair<string, string> each in more ?? new Settings())
            {
                settings[each.Key] = each.Value;
            }
            var node = new Node(settings);
            Open.Add(node);
            return node;
        }

        /// <summary>The cache `c` of a node of its own.</summary>
        internal static Cache Cache(Settings more = null, bool native = false)
        {
            return Node(more).OpenCache("c", null, native);
        }

        internal static void CloseAll()
        {
            foreach (Node node in Open)
            {
                node.Dispose();
            }
            Open.Clear();
            current = null;
        }

        /// <summary>What this process has in memory, in bytes.</summary>
        internal static long ResidentBytes()
        {
            string[] fields = File.ReadAllText("/proc/self/statm").Split(' ');
            return long.Parse(fields[1]) * 4096;
        }

        internal static bool OnMono
        {
            get { return Type.GetType("Mono.Runtime") != null; }
        }
    }
}
