using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using MCCache.Interop;

namespace MCCache
{
    /// <summary>The native library: where it is looked for, and which version it is.</summary>
    public static class Library
    {
        /// <summary>The name of the native library's file on Linux.</summary>
        public const string FileName = "libmccache_csharp.so";

        private static readonly object Turn = new object();
        private static volatile bool ready;
        private static MCCacheLibraryException refused;
        private static string path;
        private static string loadedFrom;

        /// <summary>
        /// The native library's file, to be set before the first use where it is in none of the usual places. Null:
        /// the usual places, which are the folder of MCCache.dll and of the program, <c>runtimes/RID/native</c> in
        /// each of them and two folders above MCCache.dll (as NuGet unpacks packages), then wherever the runtime and
        /// the system's loader look (LD_LIBRARY_PATH, /etc/ld.so.conf). A file beside MCCache.dll comes first whatever
        /// is set, by the runtimes' own rule: with another one set that is refused.
        /// </summary>
        /// <exception cref="InvalidOperationException">The library is loaded already.</exception>
        public static string Path
        {
            get { return path; }

            set
            {
                lock (Turn)
                {
                    if (ready)
                    {
                        throw new InvalidOperationException("the native library is loaded already, from " + loadedFrom);
                    }
                    path = value;
                    refused = null;
                }
            }
        }

        /// <summary>The version of the native library, such as "0.1.0".</summary>
        /// <exception cref="MCCacheLibraryException">The library cannot be loaded.</exception>
        public static string Version
        {
            get
            {
                Load();
                return Glue.version();
            }
        }

        /// <summary>The number of the ABI that this assembly was made for.</summary>
        public static int AbiVersion
        {
            get { return Build.AbiVersion; }
        }

        /// <summary>The file that was loaded.</summary>
        /// <exception cref="MCCacheLibraryException">The library cannot be loaded.</exception>
        public static string LoadedFrom
        {
            get
            {
                Load();
                return loadedFrom;
            }
        }

        /// <summary>Loads the library and checks its ABI, once. Everything that uses the library goes through here.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal static void Load()
        {
            if (!ready)
            {
                LoadOnce();
            }
        }

        private static void LoadOnce()
        {
            lock (Turn)
            {
                if (ready)
                {
                    return;
                }
                if (refused != null)
                {
                    throw new MCCacheLibraryException(refused.Message, refused);
                }
                try
                {
                    Find();
                }
                catch (MCCacheLibraryException reason)
                {
                    refused = reason;
                    throw;
                }
                ready = true;
            }
        }

        // The file is opened by its path first. When the runtime then asks the system's loader for the plain name, that
        // finds it by its SONAME: so all calls go to this file, on mono and on CoreCLR.
        private static void Find()
        {
            var looked = new StringBuilder();
            foreach (string file in Places())
            {
                string problem = File.Exists(file) ? Open(file) : "not there";
                if (problem == null)
                {
                    loadedFrom = file;
                    break;
                }
                looked.Append("\n  ").Append(file).Append(": ").Append(problem);
                if (path != null)
                {
                    throw new MCCacheLibraryException(
                        "the native library of MCCache cannot be loaded from where Library.Path says:" + looked);
                }
            }
            Check(looked.ToString());
            string answering = Answering();
            if (path != null && answering != loadedFrom)
            {
                throw new MCCacheLibraryException("Library.Path says " + loadedFrom + ", but the runtime took " + answering
                    + ", where it looks first. Remove that file, or the setting of Library.Path.");
            }
            loadedFrom = answering ?? "the system's search path";
        }

        // Apart from their callers: mono binds a method's native calls when it compiles the method, and these two are to be
        // bound when the file is open.
        [MethodImpl(MethodImplOptions.NoInlining)]
        private static string Answering()
        {
            return Text.OfNative(mccache_csharp_file());
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Check(string looked)
        {
            int abi;
            try
            {
                abi = mccache_csharp_abi_version();
            }
            catch (Exception cause) when (cause is DllNotFoundException || cause is EntryPointNotFoundException
                                          || cause is BadImageFormatException)
            {
                throw new MCCacheLibraryException(
                    "the native library of MCCache, " + FileName + ", cannot be loaded. Looked for it here:" + looked
                    + (loadedFrom == null ? string.Empty : "\n  " + loadedFrom + ": it is there, but not by this name (SONAME)")
                    + "\n  the runtime's and the system's search path: " + cause.Message
                    + "\nInstall the NuGet package MCCache for this platform (" + Rid() + "), put " + FileName
                    + " beside MCCache.dll, or set MCCache.Library.Path to it before the first use. It needs 64-bit "
                    + "Linux with glibc.", cause);
            }
            if (abi != Build.AbiVersion)
            {
                throw new MCCacheLibraryException(
                    "the native library of MCCache (" + (loadedFrom ?? "from the system's search path") + ") has ABI "
                    + abi + ", but MCCache.dll " + Build.Version + " needs ABI " + Build.AbiVersion
                    + ". Use both from one package; another copy may stand before it in LD_LIBRARY_PATH.");
            }
        }

        private static IEnumerable<string> Places()
        {
            if (path != null)
            {
                yield return System.IO.Path.GetFullPath(path);
                yield break;
            }
            var seen = new HashSet<string>();
            foreach (string folder in new[] { AssemblyFolder(), AppContext.BaseDirectory })
            {
                if (string.IsNullOrEmpty(folder))
                {
                    continue;
                }
                string runtimes = System.IO.Path.Combine("runtimes", Rid(), "native", FileName);
                foreach (string place in new[] { FileName, runtimes, System.IO.Path.Combine("..", "..", runtimes) })
                {
                    string file = System.IO.Path.GetFullPath(System.IO.Path.Combine(folder, place));
                    if (seen.Add(file))
                    {
                        yield return file;
                    }
                }
            }
        }

        private static string AssemblyFolder()
        {
            // Empty where the assembly was loaded from memory or is part of a single file.
            string location = typeof(Library).Assembly.Location;
            return location.Length == 0 ? null : System.IO.Path.GetDirectoryName(location);
        }

        private static string Rid()
        {
            return "linux-" + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
        }

        // Null if it is open now, else what the system's loader says.
        private static string Open(string file)
        {
            try
            {
                if (dlopen(Text.WithNul(file), Now) != IntPtr.Zero)
                {
                    return null;
                }
                return Text.OfNative(dlerror()) ?? "the system's loader does not say why";
            }
            catch (Exception problem) when (problem is DllNotFoundException || problem is EntryPointNotFoundException)
            {
                return problem.Message;
            }
        }

        private const int Now = 2;

        [DllImport("libdl.so.2")]
        private static extern IntPtr dlopen(byte[] file, int flags);

        [DllImport("libdl.so.2")]
        private static extern IntPtr dlerror();

        [DllImport("mccache_csharp")]
        private static extern int mccache_csharp_abi_version();

        [DllImport("mccache_csharp")]
        private static extern IntPtr mccache_csharp_file();
    }
}
