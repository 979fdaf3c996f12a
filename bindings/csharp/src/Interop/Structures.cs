// What both sides lay out alike: see swig/csharp.i and include/mccache.h.

using System;
using System.Runtime.InteropServices;

namespace MCCache.Interop
{
    /// <summary>Bytes that stay where they are for as long as they are used.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct Bytes
    {
        internal byte* Data;
        internal UIntPtr Len;

        internal Bytes(byte* data, int length)
        {
            Data = data;
            Len = (UIntPtr)(uint)length;
        }

        internal int Length
        {
            get { return checked((int)Len); }
        }

        internal byte[] ToArray()
        {
            return Memory.Copy(Data, Length);
        }
    }

    /// <summary>
    /// What a look-up found: a value's handle, or bytes, which this thread's next look-up overwrites; and a lease, if one
    /// was given.
    /// </summary>
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct Found
    {
        internal IntPtr Value;
        internal IntPtr Lease;
        internal byte* Data;
        internal UIntPtr Len;
        internal byte Codec;
    }

    /// <summary>The public fields of a mcc_value_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct ValueFields
    {
        internal byte* Data;
        internal UIntPtr Len;
        internal byte Codec;
    }

    /// <summary>A mcc_event_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct RawEvent
    {
        internal int Kind;
        internal byte Local;
        internal IntPtr Cache;
        internal byte* Key;
        internal UIntPtr KeyLen;
        internal IntPtr Member;
        internal long VersionClock;
        internal ulong VersionOrigin;
        internal long Dropped;
        internal long Reserved0;
        internal long Reserved1;
        internal long Reserved2;
        internal long Reserved3;
    }

    /// <summary>A mcc_log_record_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct RawLogRecord
    {
        internal int Level;
        internal long TimeMs;
        internal IntPtr Target;
        internal IntPtr Message;
        internal long Dropped;
        internal long Reserved0;
        internal long Reserved1;
        internal long Reserved2;
        internal long Reserved3;
    }

    /// <summary>A mcc_cbor_item_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct CborItem
    {
        internal int Kind;
        internal ulong Number;
        internal double Real;
        internal byte* Data;
        internal UIntPtr Len;
    }

    internal static unsafe class Memory
    {
        private static readonly byte[] None = new byte[0];

        internal static byte[] Copy(byte* data, int length)
        {
            if (length == 0)
            {
                return None;
            }
            var copy = new byte[length];
            fixed (byte* target = copy)
            {
                Buffer.MemoryCopy(data, target, length, length);
            }
            return copy;
        }
    }
}
