using System;
using System.Runtime.InteropServices;

namespace MCCache.Interop
{
    [UnmanagedFunctionPointer(CallingConvention.StdCall)]
    internal delegate void FailureListener(int status, IntPtr message);

    /// <summary>Makes exceptions of the library's answers.</summary>
    internal static class Failure
    {
        internal const int NotFound = 1;
        internal const int Exists = 2;
        internal const int InvalidArgument = 3;
        internal const int TooLarge = 4;
        internal const int Closed = 5;
        internal const int Timeout = 6;
        internal const int Config = 7;
        internal const int Network = 8;

        // Not the library's: MCCACHE_NO_MEMORY of swig/mccache.i.
        private const int NoMemory = 255;

        /// <summary>Has the library tell its failures to managed code. Whoever calls this keeps the delegate.</summary>
        internal static FailureListener Listen()
        {
            FailureListener listener = Note;
            mccache_csharp_on_failure(listener);
            return listener;
        }

        [DllImport("mccache_csharp")]
        private static extern void mccache_csharp_on_failure(FailureListener listener);

        // Runs inside a native call: nothing may be thrown from here. SWIG throws what is noted when the call is back.
        private static void Note(int status, IntPtr message)
        {
            GluePINVOKE.SWIGPendingException.Set(Of(status, Text.OfNative(message)));
        }

        private static Exception Of(int status, string message)
        {
            switch (status)
            {
                case NotFound:
                    return new MCCacheKeyNotFoundException("the key has no value");
                case InvalidArgument:
                    return new MCCacheArgumentException(message);
                case TooLarge:
                    return new MCCacheTooLargeException(message);
                case Closed:
                    return new MCCacheClosedException(message);
                case Timeout:
                    return new MCCacheTimeoutException(message);
                case Config:
                    return new MCCacheConfigException(message);
                case Network:
                    return new MCCacheNetworkException(message);
                case NoMemory:
                    return new OutOfMemoryException(message);
                default:
                    return new MCCacheInternalException("status " + status + ": " + message);
            }
        }
    }
}
