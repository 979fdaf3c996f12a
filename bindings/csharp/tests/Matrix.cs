// The value matrix: what each name of tests/values.tsv is here.

using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using MCCache;

namespace MCCache.Tests
{
    internal static class Matrix
    {
        internal struct Row
        {
            internal string Name;
            internal byte Codec;
            internal byte[] Bytes;
        }

        private static readonly DateTimeOffset Utc =
            new DateTimeOffset(2026, 11, 25, 12, 34, 56, TimeSpan.Zero).AddTicks(7891230);

        private static readonly Dictionary<string, object> Values = new Dictionary<string, object>
        {
            ["null"] = null,
            ["true"] = true,
            ["false"] = false,
            ["int_0"] = 0L,
            ["int_23"] = 23L,
            ["int_24"] = 24L,
            ["int_255"] = 255L,
            ["int_256"] = 256L,
            ["int_65535"] = 65535L,
            ["int_65536"] = 65536L,
            ["int_u32_max"] = (long)uint.MaxValue,
            ["int_u32_max_plus_1"] = uint.MaxValue + 1L,
            ["int_2_53_plus_1"] = (1L << 53) + 1,
            ["int_i64_max"] = long.MaxValue,
            ["int_i64_min"] = long.MinValue,
            ["int_u64_max"] = ulong.MaxValue,
            ["int_minus_1"] = -1L,
            ["int_minus_24"] = -24L,
            ["int_minus_25"] = -25L,
            ["int_minus_256"] = -256L,
            ["int_minus_257"] = -257L,
            ["big_2_64"] = BigInteger.Pow(2, 64),
            ["big_minus_2_64_minus_1"] = -BigInteger.Pow(2, 64) - 1,
            ["float_0"] = 0.0,
            ["float_minus_0"] = BitConverter.Int64BitsToDouble(long.MinValue),
            ["float_1_5"] = 1.5,
            ["float_1e300"] = 1e300,
            ["float_tiny"] = double.Epsilon,
            // .NET's own NaN has the sign bit set; the matrix has the plain one.
            ["float_nan"] = BitConverter.Int64BitsToDouble(0x7ff8000000000000),
            ["float_inf"] = double.PositiveInfinity,
            ["float_minus_inf"] = double.NegativeInfinity,
            ["text_empty"] = "",
            ["text_ascii"] = "plain text",
            ["text_astral"] = "\U0001f980 \U0001d11e \u00e9",
            ["text_zero"] = "a\0b",
            ["text_long"] = new string('x', 100000) + "\U0001f980",
            ["bytes_empty"] = new byte[0],
            ["bytes_zero"] = new byte[] { 0, 1, 0, 0xff },
            ["bytes_long"] = Enumerable.Range(0, 65536).Select(at => (byte)(at % 251)).ToArray(),
            ["list_empty"] = new List<object>(),
            ["list_nested"] = new List<object> { 1L, new List<object> { 2L, new List<object> { 3L, new List<object>() } }, "x" },
            ["list_mixed"] = new List<object> { null, true, -1L, 1.5, "t", new byte[] { 0, 0xff } },
            ["map_empty"] = new Dictionary<string, object>(),
            ["map_nested"] = new Dictionary<string, object>
            {
                ["a"] = 1L,
                ["b"] = new List<object> { 1L, 2L },
                ["c"] = new Dictionary<string, object> { ["d"] = null },
            },
            ["map_int_keys"] = new Dictionary<object, object> { [1L] = "one", [-2L] = "minus two" },
            ["datetime_utc"] = Utc,
            ["datetime_offset"] = new DateTimeOffset(2026, 11, 25, 12, 34, 56, new TimeSpan(5, 30, 0)),
            ["date"] = new Date(2026, 11, 25),
            ["list_of_dates"] = new List<object> { new Date(2026, 11, 25), Utc },
            ["list_floats"] = new List<object>
            {
                BitConverter.Int64BitsToDouble(0x7ff8000000000000), double.PositiveInfinity, double.NegativeInfinity,
                BitConverter.Int64BitsToDouble(long.MinValue),
            },
            ["list_int_edges"] = new List<object> { long.MinValue, long.MaxValue, ulong.MaxValue },
            ["map_astral"] = new Dictionary<string, object> { ["\U0001f980"] = "\U0001d11e" },
            ["datetime_before_1970"] = new DateTimeOffset(1969, 12, 31, 23, 59, 59, TimeSpan.Zero).AddTicks(10),
            ["date_leap"] = new Date(2024, 2, 29),
        };

        internal static IEnumerable<string> Names
        {
            get { return Values.Keys; }
        }

        internal static object Native(string name)
        {
            return Values[name];
        }

        /// <summary>The file with the bytes, as whoever runs the tests names it.</summary>
        internal static string Path
        {
            get
            {
                return Environment.GetEnvironmentVariable("MATRIX")
                    ?? throw new CheckException("the variable MATRIX must name tests/values.tsv");
            }
        }

        internal static IEnumerable<Row> Rows(IEnumerable<string> lines)
        {
            foreach (string line in lines.Where(line => line.Length > 0 && line[0] != '#'))
            {
                string[] fields = line.Split('\t');
                yield return new Row { Name = fields[0], Codec = byte.Parse(fields[1]), Bytes = FromHex(fields[2]) };
            }
        }

        // 2*6162+63 is 6162616263; - is no bytes.
        internal static byte[] FromHex(string text)
        {
            var bytes = new List<byte>();
            foreach (string part in text.Split('+').Where(part => part.Length > 0 && part != "-"))
            {
                string[] sides = part.Split('*');
                string digits = sides[sides.Length - 1];
                byte[] once = Enumerable.Range(0, digits.Length / 2)
                    .Select(at => Convert.ToByte(digits.Substring(2 * at, 2), 16)).ToArray();
                for (int count = sides.Length == 2 ? int.Parse(sides[0]) : 1; count > 0; count--)
                {
                    bytes.AddRange(once);
                }
            }
            return bytes.ToArray();
        }
    }
}
