using System;
using MCCache.Interop;

namespace MCCache
{
    /// <summary>
    /// A key: text or bytes, which convert to it by themselves. Keys are bytes, 0 to 65,535 of them; a text and its
    /// UTF-8 bytes are one key.
    /// </summary>
    public readonly struct CacheKey : IEquatable<CacheKey>
    {
        private readonly string text;
        private readonly byte[] bytes;

        /// <summary>A key of text, which must be Unicode. The empty text is a key like others.</summary>
        public CacheKey(string text)
        {
            this.text = text ?? throw new ArgumentNullException("key");
            bytes = null;
        }

        /// <summary>A key of bytes. They are not copied until they are used: do not change them meanwhile.</summary>
        public CacheKey(byte[] bytes)
        {
            this.bytes = bytes ?? throw new ArgumentNullException("key");
            text = null;
        }

        /// <summary>A key of text.</summary>
        public static implicit operator CacheKey(string text)
        {
            return new CacheKey(text);
        }

        /// <summary>A key of bytes.</summary>
        public static implicit operator CacheKey(byte[] bytes)
        {
            return new CacheKey(bytes);
        }

        /// <summary>Whether the key's bytes are UTF-8.</summary>
        public bool IsText
        {
            get { return TextOrNull != null; }
        }

        /// <summary>The key as text, or null if its bytes are not UTF-8.</summary>
        public string TextOrNull
        {
            get { return text ?? Decode(bytes); }
        }

        /// <summary>The key's bytes, copied.</summary>
        public byte[] ToBytes()
        {
            return text != null ? Text.Encode(text, "key") : (byte[])(bytes ?? new byte[0]).Clone();
        }

        /// <summary>Whether the bytes of both are the same.</summary>
        public bool Equals(CacheKey other)
        {
            if (text != null && other.text != null)
            {
                return text == other.text;
            }
            byte[] own = UncopiedBytes, others = other.UncopiedBytes;
            return own.SameAs(others);
        }

        /// <inheritdoc/>
        public override bool Equals(object other)
        {
            return other is CacheKey key && Equals(key);
        }

        /// <inheritdoc/>
        public override int GetHashCode()
        {
            return TextOrNull is string own ? own.GetHashCode() : ByteHash.Of(bytes);
        }

        /// <summary>The text, or the bytes in hexadecimal if they are not UTF-8.</summary>
        public override string ToString()
        {
            return TextOrNull ?? "0x" + BitConverter.ToString(bytes).Replace("-", string.Empty).ToLowerInvariant();
        }

        /// <summary>Whether the bytes of both are the same.</summary>
        public static bool operator ==(CacheKey left, CacheKey right)
        {
            return left.Equals(right);
        }

        /// <summary>Whether the bytes of both differ.</summary>
        public static bool operator !=(CacheKey left, CacheKey right)
        {
            return !left.Equals(right);
        }

        /// <summary>As it was given: one of the two, or neither for the default of the structure.</summary>
        internal string GivenText
        {
            get { return text; }
        }

        internal byte[] GivenBytes
        {
            get { return bytes; }
        }

        private byte[] UncopiedBytes
        {
            get { return text != null ? Text.Encode(text, "key") : bytes ?? new byte[0]; }
        }

        private static unsafe string Decode(byte[] bytes)
        {
            if (bytes == null)
            {
                return string.Empty;
            }
            fixed (byte* data = bytes)
            {
                return Text.DecodeKey(data, bytes.Length);
            }
        }

        /// <summary>The key of an iteration or an event: text where the bytes are UTF-8.</summary>
        internal static unsafe CacheKey Of(byte* data, int length)
        {
            string text = Text.DecodeKey(data, length);
            return text != null ? new CacheKey(text) : new CacheKey(Memory.Copy(data, length));
        }
    }

    internal static class ByteHash
    {
        /// <summary>FNV-1a, 32 bits.</summary>
        internal static int Of(byte[] bytes)
        {
            uint hash = 2166136261;
            foreach (byte each in bytes)
            {
                hash = unchecked((hash ^ each) * 16777619);
            }
            return unchecked((int)hash);
        }

        internal static bool SameAs(this byte[] left, byte[] right)
        {
            if (left.Length != right.Length)
            {
                return false;
            }
            for (int at = 0; at < left.Length; at++)
            {
                if (left[at] != right[at])
                {
                    return false;
                }
            }
            return true;
        }
    }
}
