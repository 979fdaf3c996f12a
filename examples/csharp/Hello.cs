// Two members of a cluster in one process: what one puts, the other reads.
//
//     mcs -r:MCCache.dll Hello.cs && mono Hello.exe

using System;
using System.Diagnostics;
using System.Threading;
using MCCache;

internal static class Hello
{
    private static void Main()
    {
        var settings = new Settings { ["cluster"] = "hello-" + Process.GetCurrentProcess().Id, ["interface"] = "host" };
        using (var first = new Node(settings))
        using (var second = new Node(settings))
        {
            Cache a = first.OpenCache("prices"), b = second.OpenCache("prices");

            a["apple"] = 1.20m;
            a.Sync();                                   // every live member has it now
            Console.WriteLine("the second reads: apple = " + b["apple"]);

            b.Remove("apple");
            b.Sync();
            Console.WriteLine("the first has an apple: " + a.ContainsKey("apple"));

            a.Put("pear", new[] { "green", "ripe" }, TimeSpan.FromMilliseconds(50));
            SpinWait.SpinUntil(() => !a.ContainsKey("pear"));
            Console.WriteLine("the pear's time is over");

            decimal plum = b.GetOrLoad("plum", () => 0.80m); // where from, if it is not in the cache
            Console.WriteLine("a plum is " + plum + "; other processes get it from their own memory now");
        }
    }
}
