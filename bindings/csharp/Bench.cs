// Nanoseconds a call: `mono Bench.exe`, or `dotnet Bench.exe`. Lines of WHAT, OP and NANOSECONDS, with tabs between.
//
// Keys of 16 bytes, values of 100 bytes and of 64 KiB. The keys are byte arrays and so are the values, as in C; each get
// makes a new array, where the peers give the one they hold. A figure is of the pass over all 1,000 keys that took least of
// those in half a second.

using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;

namespace MCCache.Benches
{
    internal static class Bench
    {
        private const int Keys = 1000;
        private static readonly TimeSpan Measured = TimeSpan.FromMilliseconds(500);

        private static readonly string[] Texts = Enumerable.Range(0, Keys).Select(i => "key-" + i.ToString("D12")).ToArray();
        private static readonly byte[][] Bytes = Texts.Select(Encoding.ASCII.GetBytes).ToArray();
        private static readonly byte[] Small = new byte[100], Large = new byte[65536];

        // The library's number of its ABI, asked with the arguments of a put, which it does not look at.
        [DllImport("mccache_csharp", EntryPoint = "mccache_csharp_abi_version")]
        private static extern unsafe int Empty(IntPtr cache, byte* key, UIntPtr keyLength, byte* data, UIntPtr length, byte codec, long ttlMs);

        internal static byte[] held;
        internal static long sum;

        private static unsafe void Main()
        {
            using (var node = new Node(new Settings
                { ["cluster"] = "bench-" + Process.GetCurrentProcess().Id, ["interface"] = "host", ["cache_size"] = "256 MiB" }))
            {
                Cache cache = node.OpenCache("bench", new Settings { ["cache_mode"] = "local" });
                Ours(cache, "mccache", i => Bytes[i]);
                Ours(cache, "mccache, keys of text", i => Texts[i]);
                Measure("mccache", "view_64k", i =>
                {
                    using (ValueView view = cache.OpenView(Bytes[i]))
                    {
                        sum += view.Read<byte>(65535);
                    }
                });
                var own = new byte[65536];
                Measure("mccache, into an array that is there", "get_64k", i =>
                {
                    using (ValueView view = cache.OpenView(Bytes[i]))
                    {
                        sum += view.CopyTo(own);
                    }
                });
                // What a put and a get of a short value cannot cost less than, beside the call in C: crossing over.
                Measure("an empty native call", "put_100", i => sum += Empty(IntPtr.Zero, null, (UIntPtr)16, null, (UIntPtr)100, 0, 0));
            }
            // What a get cannot cost less than: a new array, as this runtime makes them.
            Measure("new byte[]", "get_100", i => held = new byte[100]);
            Measure("new byte[]", "get_64k", i => held = new byte[65536]);
            var dictionary = new Dictionary<string, byte[]>();
            Peer("Dictionary", key => dictionary[key], (key, value) => dictionary[key] = value);
            var concurrent = new ConcurrentDictionary<string, byte[]>();
            Peer("ConcurrentDictionary", key => concurrent[key], (key, value) => concurrent[key] = value);
            MemoryCache();
        }

        private static void Ours(Cache cache, string what, Func<int, CacheKey> key)
        {
            // The keys are made before: their conversion is of the loop, not of the call.
            CacheKey[] keys = Enumerable.Range(0, Keys).Select(key).ToArray();
            Measure(what, "put_100", i => cache[keys[i]] = Small);
            Measure(what, "get_100", i => held = (byte[])cache[keys[i]]);
            Measure(what, "put_64k", i => cache[keys[i]] = Large);
            Measure(what, "get_64k", i => held = (byte[])cache[keys[i]]);
        }

        private static void Peer(string what, Func<string, byte[]> get, Action<string, byte[]> put)
        {
            Measure(what, "put_100", i => put(Texts[i], Small));
            Measure(what, "get_100", i => held = get(Texts[i]));
            Measure(what, "put_64k", i => put(Texts[i], Large));
            Measure(what, "get_64k", i => held = get(Texts[i]));
        }

        // System.Runtime.Caching is a part of mono and of the .NET Framework, and a package elsewhere.
        private static void MemoryCache()
        {
            const string Assembly = "System.Runtime.Caching, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b03f5f7f11d50a3a";
            Type type = Type.GetType("System.Runtime.Caching.MemoryCache, " + Assembly);
            if (type == null)
            {
                Console.WriteLine("MemoryCache\tskipped\tthis runtime has no System.Runtime.Caching");
                return;
            }
            object cache = type.GetProperty("Default").GetValue(null);
            MethodInfo get = type.GetMethod("Get", new[] { typeof(string), typeof(string) });
            MethodInfo set = type.GetMethod("Set", new[] { typeof(string), typeof(object), typeof(DateTimeOffset), typeof(string) });
            var getCall = (Func<string, string, object>)get.CreateDelegate(typeof(Func<string, string, object>), cache);
            var setCall = (Action<string, object, DateTimeOffset, string>)set.CreateDelegate(
                typeof(Action<string, object, DateTimeOffset, string>), cache);
            DateTimeOffset hour = DateTimeOffset.UtcNow.AddHours(1);
            Peer("MemoryCache", key => (byte[])getCall(key, null), (key, value) => setCall(key, value, hour, null));
        }

        private static void Measure(string what, string op, Action<int> call)
        {
            var all = Stopwatch.StartNew();
            var pass = new Stopwatch();
            double least = double.MaxValue;
            while (all.Elapsed < Measured)
            {
                pass.Restart();
                for (int i = 0; i < Keys; i++)
                {
                    call(i);
                }
                pass.Stop();
                least = Math.Min(least, pass.Elapsed.TotalMilliseconds);
            }
            Console.WriteLine(what + "\t" + op + "\t" + (least * 1e6 / Keys).ToString("F1", CultureInfo.InvariantCulture));
        }
    }
}
