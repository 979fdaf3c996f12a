using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Numerics;
using MCCache.Interop;

namespace MCCache
{
    /// <summary>
    /// Writes objects as CBOR (RFC 8949). The core makes each item's bytes; what is decided here is which item an object
    /// of .NET is. One writer a thread, used again and again.
    /// </summary>
    internal sealed unsafe class CborWriter
    {
        /// <summary>How deep containers may nest. A list that contains itself ends here.</summary>
        internal const int DepthMax = 200;

        internal const int Unsigned = 0, Negative = 1, ByteString = 2, TextString = 3, Array = 4, Map = 5, Tag = 6;
        internal const int Simple = 7, Float = 8, Break = 9;
        internal const ulong False = 20, True = 21, Null = 22, Undefined = 23;
        internal const ulong TimeText = 0, TimeNumber = 1, PositiveBig = 2, NegativeBig = 3, DecimalFraction = 4;
        internal const ulong Uuid = 37, DateNumber = 100, DateText = 1004;

        /// <summary>What a thread keeps for its next value at most.</summary>
        private const int KeptMax = 1 << 20;

        private byte[] buffer = new byte[256];
        private UIntPtr length;
        private int depth;

        /// <summary>The bytes written since Begin.</summary>
        internal byte[] Buffer
        {
            get { return buffer; }
        }

        internal int Length
        {
            get { return (int)length; }
        }

        /// <summary>Forgets what was written.</summary>
        internal void Begin()
        {
            length = UIntPtr.Zero;
            depth = 0;
            if (buffer.Length > KeptMax)
            {
                buffer = new byte[256];
            }
        }

        /// <summary>Writes an object. False: CBOR has no item for its type, or for the type of something in it.</summary>
        internal bool Write(object value, out Type refused)
        {
            refused = null;
            if (value == null)
            {
                Item(Simple, Null);
            }
            else if (value is string text)
            {
                WriteText(text);
            }
            else if (value is bool)
            {
                Item(Simple, (bool)value ? True : False);
            }
            else if (value is byte[] bytes)
            {
                WriteBytes(bytes, 0, bytes.Length);
            }
            else if (!WriteNumber(value) && !WriteStructure(value))
            {
                return WriteContainer(value, out refused);
            }
            return true;
        }

        private bool WriteNumber(object value)
        {
            // By the code of the type: an enum has its underlying type's, and is none of these.
            switch (value is Enum ? TypeCode.Object : Type.GetTypeCode(value.GetType()))
            {
                case TypeCode.SByte:
                case TypeCode.Int16:
                case TypeCode.Int32:
                case TypeCode.Int64:
                    Integer(Convert.ToInt64(value, CultureInfo.InvariantCulture));
                    return true;
                case TypeCode.Byte:
                case TypeCode.UInt16:
                case TypeCode.UInt32:
                case TypeCode.UInt64:
                    Item(Unsigned, Convert.ToUInt64(value, CultureInfo.InvariantCulture));
                    return true;
                case TypeCode.Single:
                    Real((float)value);
                    return true;
                case TypeCode.Double:
                    Real((double)value);
                    return true;
                case TypeCode.Decimal:
                    WriteDecimal((decimal)value);
                    return true;
                default:
                    return false;
            }
        }

        private bool WriteStructure(object value)
        {
            if (value is DateTimeOffset moment)
            {
                WriteTime(moment.DateTime, moment.Offset);
            }
            else if (value is DateTime time)
            {
                WriteTime(time, OffsetOf(time));
            }
            else if (value is Date date)
            {
                Item(Tag, DateText);
                WriteText(date.ToString());
            }
            else if (value is BigInteger big)
            {
                WriteBig(big);
            }
            else if (value is Guid guid)
            {
                WriteGuid(guid);
            }
            else if (value is ArraySegment<byte> segment && segment.Array != null)
            {
                WriteBytes(segment.Array, segment.Offset, segment.Count);
            }
            else
            {
                return false;
            }
            return true;
        }

        private bool WriteContainer(object value, out Type refused)
        {
            if (++depth > DepthMax)
            {
                throw new MCCacheCodecException("the value nests more than " + DepthMax + " deep, or contains itself");
            }
            bool written;
            if (value is Tagged tagged)
            {
                Item(Tag, tagged.Number);
                written = Write(tagged.Value, out refused);
            }
            else if (value is IDictionary map)
            {
                written = WriteMap(map, out refused);
            }
            else if (value is IEnumerable<KeyValuePair<string, object>> pairs && !(value is Cache))
            {
                written = WritePairs(pairs, out refused);
            }
            else if (value is IList list && !(value is System.Array array && array.Rank > 1))
            {
                written = WriteList(list, out refused);
            }
            else
            {
                refused = value.GetType();
                written = false;
            }
            depth--;
            return written;
        }

        private bool WriteMap(IDictionary map, out Type refused)
        {
            refused = null;
            Item(Map, (ulong)map.Count);
            int left = map.Count;
            foreach (DictionaryEntry entry in map)
            {
                if (--left < 0)
                {
                    break;
                }
                if (!Write(entry.Key, out refused) || !Write(entry.Value, out refused))
                {
                    return false;
                }
            }
            MustBe(left == 0);
            return true;
        }

        private bool WritePairs(IEnumerable<KeyValuePair<string, object>> pairs, out Type refused)
        {
            refused = null;
            var entries = new List<KeyValuePair<string, object>>(pairs);
            Item(Map, (ulong)entries.Count);
            foreach (KeyValuePair<string, object> entry in entries)
            {
                WriteText(entry.Key);
                if (!Write(entry.Value, out refused))
                {
                    return false;
                }
            }
            return true;
        }

        private bool WriteList(IList list, out Type refused)
        {
            refused = null;
            Item(Array, (ulong)list.Count);
            int left = list.Count;
            foreach (object each in list)
            {
                if (--left < 0)
                {
                    break;
                }
                if (!Write(each, out refused))
                {
                    return false;
                }
            }
            MustBe(left == 0);
            return true;
        }

        // A container whose count is not that of what it enumerates would be written as something else.
        private static void MustBe(bool whole)
        {
            if (!whole)
            {
                throw new InvalidOperationException("the collection was changed while it was written");
            }
        }

        private static TimeSpan OffsetOf(DateTime time)
        {
            switch (time.Kind)
            {
                case DateTimeKind.Utc:
                    return TimeSpan.Zero;
                case DateTimeKind.Local:
                    return TimeZoneInfo.Local.GetUtcOffset(time);
                default:
                    throw new MCCacheArgumentException("a DateTime of kind Unspecified says no point in time: give a "
                        + "DateTimeOffset, a DateTime of kind Utc or Local, or a MCCache.Date");
            }
        }

        // RFC 3339 as Python's cbor2 writes it: microseconds where there are any, and one digit more where .NET has it.
        private void WriteTime(DateTime time, TimeSpan offset)
        {
            CultureInfo invariant = CultureInfo.InvariantCulture;
            long fraction = time.Ticks % TimeSpan.TicksPerSecond;
            string format = fraction == 0 ? "yyyy-MM-ddTHH:mm:ss"
                : fraction % 10 == 0 ? "yyyy-MM-ddTHH:mm:ss.ffffff" : "yyyy-MM-ddTHH:mm:ss.fffffff";
            string zone = offset == TimeSpan.Zero ? "Z"
                : (offset < TimeSpan.Zero ? "-" : "+") + offset.ToString("hh\\:mm", invariant);
            Item(Tag, TimeText);
            WriteText(time.ToString(format.Replace(":", "\\:"), invariant) + zone);
        }

        // Tag 4: the exponent of ten and the mantissa (RFC 8949, 3.4.4), as cbor2 writes a Decimal.
        private void WriteDecimal(decimal number)
        {
            int[] parts = decimal.GetBits(number);
            int scale = (parts[3] >> 16) & 0x7f;
            var mantissa = new BigInteger(new decimal(parts[0], parts[1], parts[2], parts[3] < 0, 0));
            Item(Tag, DecimalFraction);
            Item(Array, 2);
            Integer(-scale);
            WriteBig(mantissa);
        }

        // Tag 37 has the bytes in the order in which a UUID is written (RFC 9562); .NET turns the first three parts.
        private void WriteGuid(Guid guid)
        {
            Item(Tag, Uuid);
            WriteBytes(Turned(guid.ToByteArray()), 0, 16);
        }

        internal static byte[] Turned(byte[] uuid)
        {
            System.Array.Reverse(uuid, 0, 4);
            System.Array.Reverse(uuid, 4, 2);
            System.Array.Reverse(uuid, 6, 2);
            return uuid;
        }

        private void WriteBig(BigInteger big)
        {
            if (big.Sign >= 0 && big <= ulong.MaxValue)
            {
                Item(Unsigned, (ulong)big);
                return;
            }
            BigInteger magnitude = big.Sign < 0 ? -1 - big : big;
            if (magnitude <= ulong.MaxValue)
            {
                Item(Negative, (ulong)magnitude);
                return;
            }
            byte[] bytes = magnitude.ToByteArray();
            int count = bytes.Length;
            while (bytes[count - 1] == 0)
            {
                count--;
            }
            System.Array.Reverse(bytes, 0, count);
            Item(Tag, big.Sign < 0 ? NegativeBig : PositiveBig);
            WriteBytes(bytes, 0, count);
        }

        private void WriteText(string text)
        {
            // Short texts by the stack, long ones by an array of their exact length.
            const int StackMax = 128;
            if (text.Length <= StackMax)
            {
                byte* data = stackalloc byte[StackMax * 3];
                String(TextString, data, Text.Encode(text, data, "text"));
                return;
            }
            byte[] bytes = Text.Encode(text, "text");
            fixed (byte* data = bytes)
            {
                String(TextString, data, bytes.Length);
            }
        }

        private void WriteBytes(byte[] bytes, int offset, int count)
        {
            if (count == 0)
            {
                byte none;
                String(ByteString, &none, 0);
                return;
            }
            fixed (byte* data = &bytes[offset])
            {
                String(ByteString, data, count);
            }
        }

        private void Integer(long number)
        {
            if (number >= 0)
            {
                Item(Unsigned, (ulong)number);
            }
            else
            {
                Item(Negative, (ulong)~number);
            }
        }

        private void Real(double real)
        {
            CborItem item = default(CborItem);
            item.Kind = Float;
            item.Real = real;
            Write(&item);
        }

        private void Item(int kind, ulong number)
        {
            CborItem item = default(CborItem);
            item.Kind = kind;
            item.Number = number;
            Write(&item);
        }

        private void String(int kind, byte* data, int count)
        {
            CborItem item = default(CborItem);
            item.Kind = kind;
            item.Data = data;
            item.Len = (UIntPtr)(uint)count;
            Write(&item);
        }

        private void Write(CborItem* item)
        {
            UIntPtr offset = length;
            while (!TryWrite(item, &offset))
            {
                long needed = checked((long)offset);
                if (needed > 0x7fffffc7)
                {
                    throw new MCCacheTooLargeException("the value is longer than 2 GiB");
                }
                System.Array.Resize(ref buffer, (int)Math.Min(Math.Max(needed, buffer.Length * 2L), 0x7fffffc7));
                offset = length;
            }
            length = offset;
        }

        private bool TryWrite(CborItem* item, UIntPtr* offset)
        {
            fixed (byte* data = buffer)
            {
                return Glue.cbor_write(new Bytes(data, buffer.Length), offset, item);
            }
        }
    }
}
