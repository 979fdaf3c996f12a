using System;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using MCCache;

namespace MCCache.Tests
{
    /// <summary>The assembly itself, on the runtime it happens to be on.</summary>
    internal static class AssemblyTests
    {
        /// <summary>
        /// Every method is compiled by the runtime, so that each type and member it names must be there: the assembly is
        /// built on one runtime and runs on others.
        /// </summary>
        public static void EveryMethodCanBeCompiledHere()
        {
            const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance
                | BindingFlags.DeclaredOnly;
            int count = 0;
            foreach (Type type in typeof(Cache).Assembly.GetTypes().Where(type => !type.ContainsGenericParameters))
            {
                foreach (MethodBase method in type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All)))
                {
                    bool hasBody = method.GetMethodBody() != null;
                    if (hasBody && !method.ContainsGenericParameters)
                    {
                        RuntimeHelpers.PrepareMethod(method.MethodHandle);
                        count++;
                    }
                }
            }
            Check.That(count > 500, count + " methods");
        }

        public static void NothingOfTheGlueIsPublic()
        {
            Type[] leaked = typeof(Cache).Assembly.GetExportedTypes().Where(type => type.Namespace != "MCCache").ToArray();
            Check.That(leaked.Length == 0, string.Join(", ", leaked.Select(type => type.FullName)));
        }

        public static void TheLibraryIsLoadedAndCannotBeMoved()
        {
            GC.KeepAlive(Library.Version);
            Check.Throws<InvalidOperationException>(() => Library.Path = "elsewhere.so", Library.LoadedFrom);
        }
    }
}
