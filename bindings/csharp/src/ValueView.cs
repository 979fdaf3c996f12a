using System;
using System.IO;
using System.Runtime.InteropServices;
using MCCache.Interop;

namespace MCCache
{
    /// <summary>
    /// The bytes of a value, not copied: read-only memory that stays what it is when the entry is overwritten, deleted
    /// or evicted, and when cache and node are closed. Dispose of it to give the memory back; the garbage collector does
    /// so later. Reading is by <see cref="SafeBuffer"/>'s methods, by <see cref="OpenStream"/>, or by pointer: with
    /// System.Memory, <c>new ReadOnlySpan&lt;byte&gt;(view.Pointer, view.Length)</c>, for as long as the view is kept
    /// alive and not disposed of.
    /// </summary>
    public sealed unsafe class ValueView : SafeBuffer
    {
        private readonly byte* data;

        internal ValueView(IntPtr value) : base(true)
        {
            var fields = (ValueFields*)value;
            data = fields->Data;
            Length = checked((int)fields->Len);
            Codec = (Codec)fields->Codec;
            owned = value;
            SetHandle((IntPtr)data);
            Initialize((ulong)Length);
        }

        private readonly IntPtr owned;

        /// <summary>How many bytes.</summary>
        public int Length { get; }

        /// <summary>How they are to be read.</summary>
        public Codec Codec { get; }

        /// <summary>The first byte. Never null; not to be written to.</summary>
        public byte* Pointer
        {
            get { return data; }
        }

        /// <summary>A stream over the bytes, which cannot be written to. It keeps the view.</summary>
        public Stream OpenStream()
        {
            return new UnmanagedMemoryStream(this, 0, Length, FileAccess.Read);
        }

        /// <summary>A copy of the bytes.</summary>
        public byte[] ToArray()
        {
            bool taken = false;
            try
            {
                DangerousAddRef(ref taken);
                return Memory.Copy(data, Length);
            }
            finally
            {
                if (taken)
                {
                    DangerousRelease();
                }
            }
        }

        /// <summary>Copies the bytes into an array that is there, from its start on: nothing is allocated.</summary>
        /// <returns>How many bytes: <see cref="Length"/>.</returns>
        /// <exception cref="ArgumentException">The array is shorter than that.</exception>
        public int CopyTo(byte[] destination)
        {
            if (destination == null)
            {
                throw new ArgumentNullException(nameof(destination));
            }
            if (destination.Length < Length)
            {
                throw new ArgumentException(Length + " bytes do not fit into " + destination.Length, nameof(destination));
            }
            bool taken = false;
            try
            {
                DangerousAddRef(ref taken);
                Marshal.Copy((IntPtr)data, destination, 0, Length);
                return Length;
            }
            finally
            {
                if (taken)
                {
                    DangerousRelease();
                }
            }
        }

        /// <summary>Gives the value back.</summary>
        protected override bool ReleaseHandle()
        {
            GluePINVOKE.delete_Value(new HandleRef(null, owned));
            return true;
        }
    }
}
