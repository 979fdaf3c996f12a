// The calls that are to cost least, in types that cross as they are: see swig/csharp.i.

using System;
using System.Runtime.InteropServices;

namespace MCCache.Interop
{
    internal unsafe partial class Cache
    {
        /// <summary>Looks a key up; false if it has no value. A value that does not fit comes as its handle.</summary>
        internal bool Lookup(byte* key, int keyLength, byte* buffer, int capacity, Found* found)
        {
            int status = mccache_csharp_lookup(swigCPtr.Handle, key, (UIntPtr)(uint)keyLength, buffer,
                                               (UIntPtr)(uint)capacity, found);
            // Until here the collector must not free what the call works on.
            GC.KeepAlive(this);
            if (status == 0)
            {
                return true;
            }
            return status == Failure.NotFound ? false : throw GluePINVOKE.SWIGPendingException.Retrieve();
        }

        /// <summary>Gives a key a value.</summary>
        internal void Put(byte* key, int keyLength, byte* data, int length, byte codec, long ttlMs)
        {
            int status = mccache_csharp_put(swigCPtr.Handle, key, (UIntPtr)(uint)keyLength, data, (UIntPtr)(uint)length,
                                            codec, ttlMs);
            GC.KeepAlive(this);
            if (status != 0)
            {
                throw GluePINVOKE.SWIGPendingException.Retrieve();
            }
        }

        [DllImport("mccache_csharp")]
        private static extern int mccache_csharp_lookup(IntPtr cache, byte* key, UIntPtr keyLength, byte* buffer,
                                                        UIntPtr capacity, Found* found);

        [DllImport("mccache_csharp")]
        private static extern int mccache_csharp_put(IntPtr cache, byte* key, UIntPtr keyLength, byte* data, UIntPtr length,
                                                     byte codec, long ttlMs);
    }
}
