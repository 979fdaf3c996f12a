// What happens without the native library, with one of another version, and with one in an unusual place. A program of
// its own, since a process loads the library once: `Refusals.exe missing`, or `Refusals.exe CASE FILE`, where CASE is
// other-abi, no-library, found or shadowed (by a copy beside MCCache.dll).

using System;
using MCCache;

namespace MCCache.Tests
{
    internal static class Refusals
    {
        private static int Main(string[] arguments)
        {
            try
            {
                switch (arguments[0])
                {
                    case "missing":
                        Expect("cannot be loaded", Library.FileName, "runtimes", "native", "search path", "NuGet",
                               "Library.Path");
                        break;
                    case "other-abi":
                        Library.Path = arguments[1];
                        Expect("ABI 77", "ABI " + Library.AbiVersion, arguments[1]);
                        break;
                    case "shadowed":
                        Library.Path = arguments[1];
                        Expect("Library.Path", arguments[1], "Remove that file");
                        break;
                    case "no-library":
                        Library.Path = arguments[1];
                        Expect("Library.Path", arguments[1]);
                        break;
                    default:
                        Library.Path = arguments[1];
                        Require(Library.Version.Length > 0 && Library.LoadedFrom == arguments[1], Library.LoadedFrom);
                        break;
                }
                Console.WriteLine("ok Refusals." + arguments[0]);
                return 0;
            }
            catch (Exception problem)
            {
                Console.WriteLine("FAILED Refusals." + arguments[0] + ": " + problem);
                return 1;
            }
        }

        // Twice, and by every way in: a refusal is no accident that passes.
        private static void Expect(params string[] words)
        {
            Action[] uses =
            {
                () => Cache.Open("c"), () => new Node(), () => Node.Own(), () => GC.KeepAlive(Library.Version),
                () => Cache.Open("c"),
            };
            foreach (Action use in uses)
            {
                Refused(use, words);
            }
        }

        private static void Refused(Action use, string[] words)
        {
            try
            {
                use();
            }
            catch (DllNotFoundException refusal) when (refusal is IMCCacheError)
            {
                foreach (string word in words)
                {
                    Require(refusal.Message.Contains(word), "no `" + word + "` in: " + refusal.Message);
                }
                return;
            }
            Require(false, "the library was accepted");
        }

        private static void Require(bool holds, string what)
        {
            if (!holds)
            {
                throw new InvalidOperationException(what);
            }
        }
    }
}
