using System;
using System.Collections.Generic;
using System.Globalization;
using System.Numerics;
using MCCache.Interop;

namespace MCCache
{
    /// <summary>
    /// Makes objects of CBOR. The core reads the items, a batch a crossing, and checks that they are well-formed; what is
    /// decided here is which object of .NET an item is. Whatever the bytes are, the answer is an object or a
    /// MCCacheCodecException.
    /// </summary>
    internal unsafe ref struct CborReader
    {
        private const int Batch = 16;
        private const ulong Indefinite = ulong.MaxValue;

        /// <summary>Room that is made at once for a container; what its head claims may be a lie.</summary>
        private const int RoomMax = 1024;

        private readonly byte* data;
        private readonly int size;
        private readonly CborItem* items;
        private UIntPtr offset;
        private int next;
        private int count;
        private int depth;

        private CborReader(byte* data, int size, CborItem* items)
        {
            this.data = data;
            this.size = size;
            this.items = items;
            offset = UIntPtr.Zero;
            next = 0;
            count = 0;
            depth = 0;
        }

        /// <summary>Reads the one item that the bytes are.</summary>
        internal static object Read(byte* data, int size)
        {
            if (Scalar(data, size, out object scalar))
            {
                return scalar;
            }
            CborItem* items = stackalloc CborItem[Batch];
            var reader = new CborReader(data, size, items);
            object value = reader.Value();
            if (reader.next < reader.count || reader.Fill())
            {
                throw Malformed("more than one item");
            }
            return value;
        }

        // Numbers, Booleans and null are most of what is not text or bytes: they are read without a crossing. (A
        // crossing costs as much as the rest of such a look-up.)
        private static bool Scalar(byte* data, int size, out object scalar)
        {
            scalar = null;
            if (size == 0 || size > 9)
            {
                return false;
            }
            int info = data[0] & 0x1f, major = data[0] >> 5;
            if (size == 1)
            {
                return ShortScalar(major, info, out scalar);
            }
            if (info < 24 || info > 27 || size != 1 + (1 << (info - 24)))
            {
                return false;
            }
            ulong number = 0;
            for (int at = 1; at < size; at++)
            {
                number = number << 8 | data[at];
            }
            if (major == 7 && info == 27)
            {
                scalar = BitConverter.Int64BitsToDouble(unchecked((long)number));
                return true;
            }
            scalar = major < 2 ? Integer(major == 1, number) : null;
            return major < 2;
        }

        private static bool ShortScalar(int major, int info, out object scalar)
        {
            scalar = major < 2 ? Integer(major == 1, (ulong)info)
                : info == 21 ? Boxed.True
                : info == 20 ? Boxed.False : null;
            return major < 2 ? info < 24 : major == 7 && info >= 20 && info <= 22;
        }

        private static object Integer(bool negative, ulong number)
        {
            if (number <= long.MaxValue)
            {
                return negative ? ~(long)number : (long)number;
            }
            return negative ? (object)(-1 - new BigInteger(number)) : number;
        }

        private object Value()
        {
            return Object(Next());
        }

        private CborItem* Next()
        {
            if (next == count && !Fill())
            {
                throw Malformed("it ends within an item");
            }
            return &items[next++];
        }

        private bool Fill()
        {
            next = 0;
            try
            {
                fixed (UIntPtr* at = &offset)
                {
                    count = (int)Glue.cbor_read(new Bytes(data, size), at, items, Batch);
                }
            }
            catch (MCCacheArgumentException cause)
            {
                throw new MCCacheCodecException("a value was put as CBOR but is not well-formed: " + cause.Message
                    + "; OpenView(key) gives its bytes", cause);
            }
            return count > 0;
        }

        private object Object(CborItem* item)
        {
            switch (item->Kind)
            {
                case CborWriter.Unsigned:
                    return Integer(false, item->Number);
                case CborWriter.Negative:
                    return Integer(true, item->Number);
                case CborWriter.ByteString:
                    return item->Data != null || item->Number != Indefinite
                        ? Memory.Copy(item->Data, (int)item->Len) : Pieces(item->Kind);
                case CborWriter.TextString:
                    return item->Data != null || item->Number != Indefinite
                        ? TextOf(item) : string.Concat((string[])Pieces(item->Kind));
                case CborWriter.Float:
                    return item->Real;
                case CborWriter.Simple:
                    return SimpleOf(item->Number);
                case CborWriter.Array:
                    return Nested(item);
                case CborWriter.Map:
                    return Nested(item);
                case CborWriter.Tag:
                    return Nested(item);
                default:
                    throw Malformed("an end without a beginning");
            }
        }

        private object Nested(CborItem* item)
        {
            if (++depth > CborWriter.DepthMax)
            {
                throw new MCCacheCodecException("a value nests more than " + CborWriter.DepthMax
                    + " deep; OpenView(key) gives its bytes");
            }
            int kind = item->Kind;
            ulong number = item->Number;
            object value = kind == CborWriter.Array ? List(number) : kind == CborWriter.Map ? MapOf(number) : TagOf(number);
            depth--;
            return value;
        }

        private object List(ulong number)
        {
            var list = new List<object>((int)Math.Min(number, number == Indefinite ? 0u : (ulong)RoomMax));
            for (ulong at = 0; at != number; at++)
            {
                CborItem* item = Next();
                if (number == Indefinite && item->Kind == CborWriter.Break)
                {
                    break;
                }
                list.Add(Object(item));
            }
            return list;
        }

        // Text keys alone: a Dictionary<string, object>. Any other key turns it into a Dictionary<object, object>.
        private object MapOf(ulong number)
        {
            var texts = new Dictionary<string, object>();
            Dictionary<object, object> any = null;
            for (ulong at = 0; at != number; at++)
            {
                CborItem* item = Next();
                if (number == Indefinite && item->Kind == CborWriter.Break)
                {
                    break;
                }
                object key = Object(item);
                if (key == null)
                {
                    throw new MCCacheCodecException("a map has the key null, which no Dictionary can have; OpenView(key) "
                        + "gives its bytes");
                }
                object value = Value();
                if (any == null && key is string text)
                {
                    texts[text] = value;
                    continue;
                }
                any = any ?? Widened(texts);
                any[key] = value;
            }
            return (object)any ?? texts;
        }

        private static Dictionary<object, object> Widened(Dictionary<string, object> texts)
        {
            var any = new Dictionary<object, object>(CborEquality.Keys);
            foreach (KeyValuePair<string, object> entry in texts)
            {
                any.Add(entry.Key, entry.Value);
            }
            return any;
        }

        private object TagOf(ulong tag)
        {
            object value = Value();
            switch (tag)
            {
                case CborWriter.TimeText:
                    return value is string time ? TimeOf(time) : throw Unexpected(tag, "a text");
                case CborWriter.TimeNumber:
                    return TimeOf(value);
                case CborWriter.PositiveBig:
                    return Reduced(BigOf(tag, value));
                case CborWriter.NegativeBig:
                    return Reduced(-1 - BigOf(tag, value));
                case CborWriter.DecimalFraction:
                    return DecimalOf(value) ?? new Tagged(tag, value);
                case CborWriter.Uuid:
                    return value is byte[] uuid && uuid.Length == 16
                        ? new Guid(CborWriter.Turned(uuid)) : throw Unexpected(tag, "16 bytes");
                case CborWriter.DateText:
                    return value is string day && Date.TryParse(day, out Date date)
                        ? date : throw Unexpected(tag, "a date like 2026-11-25");
                case CborWriter.DateNumber:
                    return value is long days && Date.OfEpochDays(days) is Date known
                        ? known : throw Unexpected(tag, "days since 1970, of the years 1 to 9999");
                default:
                    return new Tagged(tag, value);
            }
        }

        private static readonly string[] TimeFormats =
        {
            "yyyy-MM-dd'T'HH':'mm':'ss.FFFFFFFK", "yyyy-MM-dd'T'HH':'mm':'ssK",
        };

        private static object TimeOf(string text)
        {
            // Only .NET's seven digits of a fraction can be kept.
            int dot = text.IndexOf('.'), end = dot + 1;
            while (dot > 0 && end < text.Length && text[end] >= '0' && text[end] <= '9')
            {
                end++;
            }
            string kept = dot > 0 && end - dot > 8 ? text.Remove(dot + 8, end - dot - 8) : text;
            bool zoned = kept.EndsWith("Z", StringComparison.OrdinalIgnoreCase) || kept.LastIndexOfAny(Signs) > 10;
            if (zoned && DateTimeOffset.TryParseExact(kept.ToUpperInvariant(), TimeFormats, CultureInfo.InvariantCulture,
                                                      DateTimeStyles.None, out DateTimeOffset time))
            {
                return time;
            }
            throw Unexpected(CborWriter.TimeText, "a date and time like 2026-11-25T12:34:56Z");
        }

        private static readonly char[] Signs = { '+', '-' };
        private static readonly DateTimeOffset Epoch = new DateTimeOffset(1970, 1, 1, 0, 0, 0, TimeSpan.Zero);

        private static object TimeOf(object seconds)
        {
            double real = seconds is long whole ? whole : seconds is double given ? given : double.NaN;
            double limit = (DateTimeOffset.MaxValue - Epoch).TotalSeconds;
            if (!(real < limit && real > (DateTimeOffset.MinValue - Epoch).TotalSeconds))
            {
                throw Unexpected(CborWriter.TimeNumber, "seconds since 1970, of the years 1 to 9999");
            }
            // To the microsecond: more a double does not hold.
            return seconds is long exact ? Epoch.AddTicks(exact * TimeSpan.TicksPerSecond)
                : Epoch.AddTicks((long)Math.Round(real * 1e6) * 10);
        }

        private static BigInteger BigOf(ulong tag, object value)
        {
            if (!(value is byte[] bytes))
            {
                throw Unexpected(tag, "bytes");
            }
            var little = new byte[bytes.Length + 1];
            for (int at = 0; at < bytes.Length; at++)
            {
                little[bytes.Length - 1 - at] = bytes[at];
            }
            return new BigInteger(little);
        }

        private static object Reduced(BigInteger big)
        {
            return big >= long.MinValue && big <= long.MaxValue ? (long)big
                : big.Sign > 0 && big <= ulong.MaxValue ? (object)(ulong)big : big;
        }

        // Null if it is no decimal fraction, or one that a decimal cannot hold.
        private static object DecimalOf(object value)
        {
            if (!(value is List<object> pair) || pair.Count != 2 || !(pair[0] is long exponent))
            {
                return null;
            }
            object whole = pair[1];
            if (!(whole is long || whole is ulong || whole is BigInteger))
            {
                return null;
            }
            BigInteger mantissa = whole is long ? (long)whole : whole is ulong ? (ulong)whole : (BigInteger)whole;
            if (exponent > 0 && exponent <= 28)
            {
                mantissa *= BigInteger.Pow(10, (int)exponent);
                exponent = 0;
            }
            BigInteger magnitude = BigInteger.Abs(mantissa);
            if (exponent > 0 || exponent < -28 || magnitude >= BigInteger.One << 96)
            {
                return null;
            }
            var low = (uint)(magnitude & uint.MaxValue);
            var middle = (uint)(magnitude >> 32 & uint.MaxValue);
            var high = (uint)(magnitude >> 64);
            return new decimal(unchecked((int)low), unchecked((int)middle), unchecked((int)high), mantissa.Sign < 0,
                               (byte)-exponent);
        }

        private static object SimpleOf(ulong number)
        {
            switch (number)
            {
                case CborWriter.False:
                    return Boxed.False;
                case CborWriter.True:
                    return Boxed.True;
                case CborWriter.Null:
                case CborWriter.Undefined:
                    return null;
                default:
                    throw new MCCacheCodecException("a value has CBOR's simple value " + number
                        + ", which nothing here stands for; OpenView(key) gives its bytes");
            }
        }

        private static string TextOf(CborItem* item)
        {
            return Text.Decode(item->Data, (int)item->Len) ?? throw Malformed("a text that is not UTF-8");
        }

        // The pieces of a string of indefinite length: the bytes joined, or the texts.
        private object Pieces(int kind)
        {
            var texts = new List<string>();
            var bytes = new List<byte[]>();
            int total = 0;
            for (CborItem* item = Next(); item->Kind != CborWriter.Break; item = Next())
            {
                if (item->Kind != kind || (item->Data == null && item->Number == Indefinite))
                {
                    throw Malformed("a string of pieces with something else in it");
                }
                if (kind == CborWriter.TextString)
                {
                    texts.Add(TextOf(item));
                    continue;
                }
                bytes.Add(Memory.Copy(item->Data, (int)item->Len));
                total += (int)item->Len;
            }
            return kind == CborWriter.TextString ? (object)texts.ToArray() : Joined(bytes, total);
        }

        private static byte[] Joined(List<byte[]> pieces, int total)
        {
            var whole = new byte[total];
            int at = 0;
            foreach (byte[] piece in pieces)
            {
                piece.CopyTo(whole, at);
                at += piece.Length;
            }
            return whole;
        }

        private static Exception Malformed(string problem)
        {
            return new MCCacheCodecException("a value was put as CBOR but is not well-formed: " + problem
                + "; OpenView(key) gives its bytes");
        }

        private static Exception Unexpected(ulong tag, string expected)
        {
            return new MCCacheCodecException("a value has CBOR's tag " + tag + " on something else than " + expected
                + "; OpenView(key) gives its bytes");
        }
    }

    internal static class Boxed
    {
        internal static readonly object True = true;
        internal static readonly object False = false;
    }
}
