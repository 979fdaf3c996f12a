// The calls that are to cost least, in types that cross as they are: see swig/csharp.i.

using System;
using System.Runtime.InteropServices;

namespace MCCache.Interop
{
    internal unsafe partial class Cache
    {
        /// <summary>The longest text that these take as a key, in characters.</summary>
        internal const int TextMax = 256;

        /// <summary>The answer for a text that is not Unicode: whoever asked encodes it, and learns what is wrong.</summary>
        private const int NotUnicode = -1;

        /// <summary>Looks a key up; false if it has no value.</summary>
        internal bool Lookup(byte* key, int keyLength, Found* found)
        {
            int status = mccache_csharp_lookup(swigCPtr.Handle, key, (UIntPtr)(uint)keyLength, found);
            // Until here the collector must not free what the call works on.
            GC.KeepAlive(this);
            return status == 0 || IsThere(status);
        }

        /// <summary>Looks a text up that is a key, of at most TextMax characters; false if it has no value.</summary>
        internal bool Lookup(string key, Found* found)
        {
            int status;
            fixed (char* characters = key)
            {
                status = mccache_csharp_lookup_text(swigCPtr.Handle, characters, key.Length, found);
            }
            GC.KeepAlive(this);
            return status == 0 || IsThere(status, key);
        }

        /// <summary>Gives a key a value.</summary>
        internal void Put(byte* key, int keyLength, byte* data, int length, byte codec, long ttlMs)
        {
            int status = mccache_csharp_put(swigCPtr.Handle, key, (UIntPtr)(uint)keyLength, data, (UIntPtr)(uint)length,
                                            codec, ttlMs);
            GC.KeepAlive(this);
            if (status != 0)
            {
                IsThere(status);
            }
        }

        /// <summary>Gives a text that is a key, of at most TextMax characters, a value.</summary>
        internal void Put(string key, byte* data, int length, byte codec, long ttlMs)
        {
            int status;
            fixed (char* characters = key)
            {
                status = mccache_csharp_put_text(swigCPtr.Handle, characters, key.Length, data, (UIntPtr)(uint)length,
                                                 codec, ttlMs);
            }
            GC.KeepAlive(this);
            if (status != 0)
            {
                IsThere(status, key);
            }
        }

        // False for a key without a value; every other status is a failure. A method of its own, so that the hot ones are
        // short.
        private static bool IsThere(int status, string key = null)
        {
            if (status == NotUnicode)
            {
                Text.Encode(key, "key");
            }
            return status == Failure.NotFound ? false : throw GluePINVOKE.SWIGPendingException.Retrieve();
        }

        [DllImport("mccache_csharp")]
        private static extern int mccache_csharp_lookup(IntPtr cache, byte* key, UIntPtr keyLength, Found* found);

        [DllImport("mccache_csharp")]
        private static extern int mccache_csharp_lookup_text(IntPtr cache, char* key, int keyLength, Found* found);

        [DllImport("mccache_csharp")]
        private static extern int mccache_csharp_put(IntPtr cache, byte* key, UIntPtr keyLength, byte* data, UIntPtr length,
                                                     byte codec, long ttlMs);

        [DllImport("mccache_csharp")]
        private static extern int mccache_csharp_put_text(IntPtr cache, char* key, int keyLength, byte* data,
                                                          UIntPtr length, byte codec, long ttlMs);
    }
}
