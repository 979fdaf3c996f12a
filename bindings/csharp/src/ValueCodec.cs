using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Formatters.Binary;
using MCCache.Interop;

namespace MCCache
{
    /// <summary>A value's bytes, in an array that is used again after the call they are for.</summary>
    internal struct Encoded
    {
        internal byte[] Array;
        internal int Offset;
        internal int Count;
        internal byte Codec;
    }

    /// <summary>Objects to bytes and back: which codec an object is, and which object the bytes are.</summary>
    internal static unsafe class ValueCodec
    {
        private const string Accepted = "accepted are byte[], string, Boolean, the numbers, BigInteger, decimal, "
            + "DateTimeOffset, DateTime with a kind, MCCache.Date, Guid, null, arrays, lists (IList) and dictionaries of these";

        /// <summary>Encodes an object. The scratch must be kept until the bytes are used.</summary>
        internal static Encoded Encode(object value, bool native, Scratch scratch)
        {
            Encoded encoded = default(Encoded);
            if (value is byte[] bytes)
            {
                encoded.Array = bytes;
                encoded.Count = bytes.Length;
            }
            else if (value is string text)
            {
                encoded.Codec = (byte)Codec.Text;
                encoded.Array = scratch.Encode(text, out encoded.Count);
            }
            else if (value is ArraySegment<byte> segment && segment.Array != null)
            {
                encoded.Array = segment.Array;
                encoded.Offset = segment.Offset;
                encoded.Count = segment.Count;
            }
            else
            {
                EncodeOther(value, native, scratch, ref encoded);
            }
            return encoded;
        }

        private static void EncodeOther(object value, bool native, Scratch scratch, ref Encoded encoded)
        {
            CborWriter writer = scratch.Writer;
            writer.Begin();
            if (writer.Write(value, out Type refused))
            {
                encoded.Codec = (byte)Codec.Cbor;
                encoded.Array = writer.Buffer;
                encoded.Count = writer.Length;
                return;
            }
            if (!native)
            {
                string inside = refused == value.GetType() ? string.Empty : " (inside a " + value.GetType() + ")";
                throw new MCCacheArgumentException("a value of type " + refused + inside + " cannot be put: " + Accepted);
            }
            encoded.Codec = (byte)Codec.DotNet;
            encoded.Array = Serialize(value, out encoded.Count);
        }

        /// <summary>Makes the object that the bytes are.</summary>
        internal static object Decode(byte* data, int length, byte codec, bool native)
        {
            switch ((Codec)codec)
            {
                case Codec.Raw:
                    return Memory.Copy(data, length);
                case Codec.Text:
                    return Text.Decode(data, length) ?? throw new MCCacheCodecException("a value of " + length
                        + " bytes was put as text but is not UTF-8; OpenView(key) gives its bytes");
                case Codec.Cbor:
                    return CborReader.Read(data, length);
                case Codec.DotNet:
                    if (native)
                    {
                        return Deserialize(data, length);
                    }
                    goto default;
                default:
                    throw new MCCacheCodecException("a value was put " + Name(codec) + "; OpenView(key) gives its bytes");
            }
        }

        /// <summary>What a handle holds, which is given back then.</summary>
        internal static object Take(Value value, bool native)
        {
            return Take(Value.swigRelease(value).Handle, native);
        }

        /// <summary>What a handle of the caller's holds, which is given back then.</summary>
        internal static object Take(IntPtr value, bool native)
        {
            try
            {
                var fields = (ValueFields*)value;
                return Decode(fields->Data, checked((int)fields->Len), fields->Codec, native);
            }
            finally
            {
                GluePINVOKE.delete_Value(new HandleRef(null, value));
            }
        }

        private static string Name(byte codec)
        {
            switch ((Codec)codec)
            {
                case Codec.DotNet:
                    return "with codec 6, .NET's BinaryFormatter, which can run code of whoever wrote it: open the cache "
                        + "with nativeSerialization: true if all who have the cluster's key are trusted";
                case Codec.Pickle:
                    return "with codec 3, Python's pickle, which only Python reads";
                case Codec.Marshal:
                    return "with codec 4, Ruby's Marshal, which only Ruby reads";
                case Codec.Java:
                    return "with codec 5, Java's serialization, which only Java reads";
                default:
                    return "with codec " + codec + ", which this version cannot read";
            }
        }

        private const string NoFormatter = "this runtime has no BinaryFormatter any more (.NET 9 and newer, or switched off "
            + "by the application); put what CBOR can carry instead";

        private static byte[] Serialize(object value, out int count)
        {
            try
            {
                var stream = new MemoryStream();
                new BinaryFormatter().Serialize(stream, value);
                count = (int)stream.Length;
                return stream.GetBuffer();
            }
            catch (SerializationException cause)
            {
                throw new MCCacheArgumentException("a value of type " + value.GetType()
                    + " can neither be put as CBOR nor by BinaryFormatter: " + cause.Message);
            }
            catch (NotSupportedException cause)
            {
                throw new MCCacheCodecException(NoFormatter, cause);
            }
        }

        private static object Deserialize(byte* data, int length)
        {
            try
            {
                return new BinaryFormatter().Deserialize(new UnmanagedMemoryStream(data, length));
            }
            catch (NotSupportedException cause)
            {
                throw new MCCacheCodecException(NoFormatter, cause);
            }
            catch (Exception cause) when (!(cause is OutOfMemoryException))
            {
                // Damaged bytes make BinaryFormatter throw almost anything.
                throw new MCCacheCodecException("a value was put by BinaryFormatter but cannot be read by it: "
                    + cause.Message + "; OpenView(key) gives its bytes", cause);
            }
        }

        /// <summary>A value as the type that is asked for.</summary>
        internal static T To<T>(object value)
        {
            if (value is T same)
            {
                return same;
            }
            if (value == null)
            {
                return default(T) == null ? default(T) : throw Other<T>("null");
            }
            Type wanted = Nullable.GetUnderlyingType(typeof(T)) ?? typeof(T);
            bool number = value is long || value is ulong || value is double && (wanted == typeof(float) || wanted == typeof(double));
            if (number && IsNumber(wanted))
            {
                try
                {
                    return (T)Convert.ChangeType(value, wanted);
                }
                catch (OverflowException)
                {
                    throw Other<T>(value.ToString());
                }
            }
            if (value is DateTimeOffset time && wanted == typeof(DateTime))
            {
                return (T)(object)time.UtcDateTime;
            }
            if (wanted == typeof(System.Numerics.BigInteger) && value is long whole)
            {
                return (T)(object)new System.Numerics.BigInteger(whole);
            }
            if (wanted == typeof(System.Numerics.BigInteger) && value is ulong large)
            {
                return (T)(object)new System.Numerics.BigInteger(large);
            }
            throw Other<T>("a " + value.GetType());
        }

        private static bool IsNumber(Type type)
        {
            TypeCode code = Type.GetTypeCode(type);
            return !type.IsEnum && code >= TypeCode.SByte && code <= TypeCode.Decimal;
        }

        private static Exception Other<T>(string found)
        {
            return new InvalidCastException("the value is " + found + " and not a " + typeof(T));
        }
    }

    /// <summary>
    /// What a thread encodes with. Taken out while it is used, since a list that is being written may use a cache too.
    /// </summary>
    internal sealed unsafe class Scratch
    {
        private const int TextMax = 4096;

        [ThreadStatic]
        private static Scratch kept;

        private readonly byte[] text = new byte[TextMax];

        internal CborWriter Writer { get; } = new CborWriter();

        internal static Scratch Take()
        {
            Scratch own = kept;
            kept = null;
            return own ?? new Scratch();
        }

        internal void Return()
        {
            kept = this;
        }

        internal byte[] Encode(string value, out int count)
        {
            if (value.Length <= TextMax / 3)
            {
                fixed (byte* target = text)
                {
                    count = Text.Encode(value, target, "text");
                }
                return text;
            }
            byte[] bytes = Text.Encode(value, "text");
            count = bytes.Length;
            return bytes;
        }
    }
}
