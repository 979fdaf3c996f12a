using System;
using System.Text;

namespace MCCache.Interop
{
    /// <summary>UTF-8, told strictly: what is not Unicode is an error and never a replacement character.</summary>
    internal static unsafe class Text
    {
        private static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);

        /// <summary>UTF-8 and a NUL, for names and settings.</summary>
        internal static byte[] WithNul(string text)
        {
            if (text == null)
            {
                return null;
            }
            if (text.IndexOf('\0') >= 0)
            {
                throw new MCCacheArgumentException("text here cannot contain a zero character");
            }
            byte[] bytes = Encode(text, "text");
            Array.Resize(ref bytes, bytes.Length + 1);
            return bytes;
        }

        /// <summary>The library's text, which ends with a NUL; null for NULL.</summary>
        internal static string OfNative(IntPtr text)
        {
            if (text == IntPtr.Zero)
            {
                return null;
            }
            var start = (byte*)text;
            int length = 0;
            while (start[length] != 0)
            {
                length++;
            }
            return Encoding.UTF8.GetString(start, length);
        }

        /// <summary>UTF-8 of a text that must be Unicode.</summary>
        internal static byte[] Encode(string text, string what)
        {
            try
            {
                return Strict.GetBytes(text);
            }
            catch (EncoderFallbackException)
            {
                throw NotUnicode(text, what);
            }
        }

        /// <summary>
        /// Writes UTF-8 into a buffer and returns its length. The buffer must hold three bytes for each character.
        /// </summary>
        internal static int Encode(string text, byte* buffer, string what)
        {
            int length = text.Length;
            for (int at = 0; at < length; at++)
            {
                char character = text[at];
                if (character >= 0x80)
                {
                    return EncodeAny(text, buffer, what);
                }
                buffer[at] = (byte)character;
            }
            return length;
        }

        /// <summary>The text, or null if the bytes are not UTF-8.</summary>
        internal static string Decode(byte* data, int length)
        {
            if (length == 0)
            {
                return string.Empty;
            }
            try
            {
                return Strict.GetString(data, length);
            }
            catch (DecoderFallbackException)
            {
                return null;
            }
        }

        /// <summary>
        /// As Decode, for keys, which are other bytes in many caches: an exception for each would cost more than all else.
        /// </summary>
        internal static string DecodeKey(byte* data, int length)
        {
            return length == 0 ? string.Empty : IsUtf8(data, length) ? Encoding.UTF8.GetString(data, length) : null;
        }

        // Well-formed as in table 3-7 of the Unicode standard.
        private static bool IsUtf8(byte* data, int length)
        {
            for (int at = 0; at < length;)
            {
                byte lead = data[at++];
                if (lead < 0x80)
                {
                    continue;
                }
                int more = lead < 0xc2 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 0;
                if (more == 0 || length - at < more)
                {
                    return false;
                }
                // The second byte has the narrower range: no longer form than is needed, no surrogates, no end beyond Unicode.
                int least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
                int most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
                if (data[at] < least || data[at] > most)
                {
                    return false;
                }
                for (int last = at++ + more; at < last; at++)
                {
                    if ((data[at] & 0xc0) != 0x80)
                    {
                        return false;
                    }
                }
            }
            return true;
        }

        private static int EncodeAny(string text, byte* buffer, string what)
        {
            try
            {
                fixed (char* characters = text)
                {
                    return Strict.GetBytes(characters, text.Length, buffer, text.Length * 3);
                }
            }
            catch (EncoderFallbackException)
            {
                throw NotUnicode(text, what);
            }
        }

        private static Exception NotUnicode(string text, string what)
        {
            for (int at = 0; at < text.Length; at++)
            {
                if (char.IsSurrogatePair(text, at))
                {
                    at++;
                }
                else if (char.IsSurrogate(text[at]))
                {
                    string code = ((int)text[at]).ToString("X4");
                    return new MCCacheArgumentException(
                        "the " + what + " is not Unicode: half of a surrogate pair, U+" + code + ", at index " + at);
                }
            }
            return new MCCacheArgumentException("the " + what + " is not Unicode");
        }
    }
}
