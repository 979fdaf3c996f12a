using System;
using System.Collections;
using System.Collections.Generic;
using System.Dynamic;
using System.IO;
using System.Linq;
using System.Numerics;
using System.Text;
using MCCache;

namespace MCCache.Tests
{
    /// <summary>What goes in as what, comes back as what, and what is refused.</summary>
    internal static class ValueTests
    {
        public static void TypesOfDotNetComeBackAsDocumented()
        {
            Cache c = Clusters.Cache();
            var pairs = new List<object[]>
            {
                new object[] { (sbyte)-5, -5L }, new object[] { (byte)5, 5L }, new object[] { (short)-300, -300L },
                new object[] { (ushort)60000, 60000L }, new object[] { 70000, 70000L }, new object[] { 4000000000u, 4000000000L },
                new object[] { 5ul, 5L }, new object[] { 1.5f, 1.5 }, new object[] { new BigInteger(7), 7L },
                new object[] { new BigInteger(ulong.MaxValue), ulong.MaxValue }, new object[] { BigInteger.Pow(-3, 99), BigInteger.Pow(-3, 99) },
                new object[] { -new BigInteger(ulong.MaxValue) - 1, -new BigInteger(ulong.MaxValue) - 1 },
                new object[] { new ArraySegment<byte>(new byte[] { 1, 2, 3, 4 }, 1, 2), new byte[] { 2, 3 } },
                new object[] { new[] { 1, 2 }, new List<object> { 1L, 2L } },
                new object[] { new ArrayList { "a", null }, new List<object> { "a", null } },
                new object[] { new List<DateTimeOffset> { Moment }, new List<object> { Moment } },
                new object[] { new SortedList<string, int> { ["k"] = 1 }, new Dictionary<string, object> { ["k"] = 1L } },
                new object[] { new Hashtable { [2] = "two" }, new Dictionary<object, object> { [2L] = "two" } },
                new object[] { new DateTime(2026, 11, 25, 1, 2, 3, DateTimeKind.Utc), new DateTimeOffset(2026, 11, 25, 1, 2, 3, TimeSpan.Zero) },
                new object[] { Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), Guid.Parse("00112233-4455-6677-8899-aabbccddeeff") },
                new object[] { new Tagged(40000, "x"), new Tagged(40000, "x") },
            };
            dynamic expando = new ExpandoObject();
            expando.Name = "x";
            pairs.Add(new object[] { (object)expando, new Dictionary<string, object> { ["Name"] = "x" } });
            foreach (object[] pair in pairs)
            {
                c["k"] = pair[0];
                Check.Equal(pair[1], c["k"], pair[0].GetType().ToString());
            }
        }

        private static readonly DateTimeOffset Moment = new DateTimeOffset(2026, 11, 25, 0, 0, 0, TimeSpan.FromHours(-3));

        public static void LocalTimesKeepTheirInstant()
        {
            Cache c = Clusters.Cache();
            var local = new DateTime(2026, 7, 1, 12, 0, 0, DateTimeKind.Local);
            c["k"] = local;
            Check.Equal(local.ToUniversalTime(), c.Get<DateTimeOffset>("k").UtcDateTime);
            Check.Equal(DateTimeKind.Utc, c.Get<DateTime>("k").Kind);
            c["ticks"] = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddTicks(1234567);
            Check.Equal(1234567L, c.Get<DateTimeOffset>("ticks").Ticks % TimeSpan.TicksPerSecond);
        }

        public static void DecimalsKeepTheirDigits()
        {
            Cache c = Clusters.Cache();
            foreach (decimal number in new[] { 1.20m, 0m, -0.001m, decimal.MaxValue, decimal.MinValue, 1e-28m, 100m, 0.00m })
            {
                c["k"] = number;
                Check.Equal(number.ToString(), c.Get<decimal>("k").ToString());
            }
            // Python's Decimal("1.20"), and one that no decimal can hold.
            Check.Equal(1.20m, Read("c48221187 8"));
            Check.That(Read("c4821903e801") is Tagged, "10 to the 1000 stays as it is");
        }

        public static void OtherFormsOfTheSameAreRead()
        {
            Check.Equal(5L, Read("1800".Substring(0, 2) + "05"));
            Check.Equal(5L, Read("1b0000000000000005"));
            Check.Equal(1.5, Read("f93e00"));
            Check.Equal(1.5, Read("fa3fc00000"));
            Check.Equal(double.NaN, Read("f97e00"));
            Check.Equal(double.NaN, Read("fb7ff8000000000001"));
            Check.Equal(null, Read("f7"));
            Check.Equal("abc", Read("7f6161626263ff"));
            Check.Equal(new byte[] { 1, 2, 3 }, Read("5f4101420203ff"));
            Check.Equal("", Read("7fff"));
            Check.Equal(new List<object> { 1L, new List<object>() }, Read("9f019fffff"));
            Check.Equal(new Dictionary<string, object> { ["a"] = 1L }, Read("bf616101ff"));
            Check.Equal(new Dictionary<string, object> { ["a"] = 2L }, Read("a2616101616102"));
            Check.Equal(DateTimeOffset.FromUnixTimeSeconds(1363896240), Read("c11a514b67b0"));
            Check.Equal(DateTimeOffset.FromUnixTimeMilliseconds(1363896240500), Read("c1fb41d452d9ec200000"));
            Check.Equal(new Date(1970, 1, 2), Read("d86401"));
            Check.Equal(new Date(1969, 12, 31), Read("d86420"));
            Check.Equal(Moment, Read(Tagged(0, "2026-11-25T00:00:00-03:00")));
            Check.Equal(Moment.AddTicks(1234567), Read(Tagged(0, "2026-11-25T00:00:00.123456789-03:00")));
            Check.Equal(Moment, Read(Tagged(0, "2026-11-25t00:00:00.0-03:00")));
            Check.Equal(5L, Read("c24105"));
        }

        private static string Tagged(int tag, string text)
        {
            return "c" + tag + "78" + text.Length.ToString("x2") + BitConverter.ToString(Encoding.ASCII.GetBytes(text)).Replace("-", "");
        }

        public static void KeysOfMapsAreEqualByContent()
        {
            var map = (Dictionary<object, object>)Read("a24101614141016142");
            Check.Equal(1, map.Count);
            Check.Equal("B", map[new byte[] { 1 }]);
            var lists = (Dictionary<object, object>)Read("a28101614181016142");
            Check.Equal("B", lists[new List<object> { 1L }]);
            // A text key first, then another: nothing is lost.
            Check.Equal(new Dictionary<object, object> { ["a"] = 1L, [2L] = 3L }, Read("a26161010203"));
        }

        public static void WhatIsMalformedIsACodecErrorAndTheViewStillWorks()
        {
            Cache c = Clusters.Cache();
            var bad = new[]
            {
                "-", "18", "1a0000", "ff", "61", "61ff", "62c328", "8101ff", "0101", "9f01", "a1", "a101", "a1f601", "bf01ff", "1c", "fc",
                "c0", "c001", "c00161", Tagged(0, "2026-11-25T12:34:56"), Tagged(0, "2026-13-25T12:34:56Z"), Tagged(0, ""), Tagged(0, "-Z"),
                "c16161", "c1fb7ff8000000000000", "c11b7fffffffffffffff", "c201", "d903ec6161", "d903ec01", "d8641b7fffffffffffffff",
                "d86461", "d82541ff", "7f6161", "7f4161ff", "7f7f6161ffff", "e0", "f8ff", "5b7fffffffffffffff", "9b7fffffffffffffff",
                "bb7fffffffffffffff", "9a7fffffff00", "f800", "81", "c24105ff",
            };
            foreach (string hex in bad)
            {
                c.PutEncoded("k", Matrix.FromHex(hex), Codec.Cbor);
                Check.Throws<MCCacheCodecException>(() => GC.KeepAlive(c["k"]), "OpenView");
                Check.Equal(Matrix.FromHex(hex), c.OpenView("k").ToArray());
            }
            c.PutEncoded("k", new byte[] { 0xc3 }, Codec.Text);
            Check.Throws<MCCacheCodecException>(() => GC.KeepAlive(c["k"]), "not UTF-8");
        }

        public static void RandomBytesAreAValueOrACodecError()
        {
            Cache c = Clusters.Cache(new Settings { ["cache_mode"] = "local" });
            var random = new Random(4711);
            int read = 0, refused = 0;
            for (int round = 0; round < 20000; round++)
            {
                var bytes = new byte[random.Next(1, 24)];
                random.NextBytes(bytes);
                c.PutEncoded("k", bytes, Codec.Cbor);
                try
                {
                    object value = c["k"];
                    // What was read can be written, but for maps whose keys say otherwise.
                    c["again"] = value;
                    read++;
                }
                catch (MCCacheCodecException)
                {
                    refused++;
                }
            }
            Check.That(read > 100 && refused > 100, read + " read, " + refused + " refused");
        }

        public static void UnknownCodecsAreNamed()
        {
            Cache c = Clusters.Cache();
            foreach (KeyValuePair<byte, string> each in new Dictionary<byte, string>
                { [3] = "pickle", [4] = "Marshal", [5] = "Java", [6] = "nativeSerialization", [99] = "codec 99" })
            {
                c.PutEncoded("k", new byte[] { 1 }, (Codec)each.Key);
                Check.Throws<MCCacheCodecException>(() => GC.KeepAlive(c["k"]), each.Value, "codec " + each.Key, "OpenView");
                Check.Equal(each.Key, (byte)c.OpenView("k").Codec);
            }
        }

        public static void NestingHasALimit()
        {
            Cache c = Clusters.Cache();
            c["k"] = Nested(200);
            object value = c["k"];
            for (int level = 1; level < 200; level++)
            {
                value = ((List<object>)value)[0];
            }
            Check.Equal(new List<object>(), value);
            Check.Throws<MCCacheCodecException>(() => c["k"] = Nested(201), "200");
            foreach (string head in new[] { "81", "9f", "c6", "a100" })
            {
                c.PutEncoded("deep", Matrix.FromHex("100000*" + head + "+00"), Codec.Cbor);
                Check.Throws<MCCacheCodecException>(() => GC.KeepAlive(c["deep"]), "200");
            }
            var self = new List<object>();
            self.Add(self);
            Check.Throws<MCCacheCodecException>(() => c["k"] = self, "contains itself");
        }

        private static object Nested(int depth)
        {
            var list = new List<object>();
            for (int level = 1; level < depth; level++)
            {
                list = new List<object> { list };
            }
            return list;
        }

        public static void OtherTypesAreRefusedByName()
        {
            Cache c = Clusters.Cache();
            var refused = new object[]
            {
                'c', DayOfWeek.Monday, TimeSpan.Zero, new Uri("http://localhost"), new int[1, 1], new MemoryStream(), (Action)(() => { }),
                Enumerable.Range(0, 3), new HashSet<int>(), new List<object> { 1, new Version(1, 0) }, new KeyValuePair<int, int>(1, 2),
            };
            foreach (object value in refused)
            {
                object innermost = value is List<object> list ? list[1] : value;
                Check.Throws<ArgumentException>(() => c["k"] = value, innermost.GetType().ToString(), "accepted are");
            }
            Check.Throws<ArgumentException>(() => c["k"] = new DateTime(2026, 1, 1), "Unspecified", "DateTimeOffset");
            Check.Throws<ArgumentException>(() => c["k"] = "a\udc00", "U+DC00", "index 1");
            Check.Throws<ArgumentException>(() => c["k"] = new List<object> { "\ud800" }, "U+D800");
            Check.Equal(0, c.Count);
        }

        public static void ANumberIsGivenAsTheTypeThatIsAskedFor()
        {
            Cache c = Clusters.Cache();
            c["n"] = 5;
            Check.Equal(5, c.Get<int>("n"));
            Check.Equal((byte)5, c.Get<byte>("n"));
            Check.Equal(5.0, c.Get<double>("n"));
            Check.Equal(5, c.Get<int?>("n"));
            Check.Equal(new BigInteger(5), c.Get<BigInteger>("n"));
            c["n"] = 300;
            Check.Throws<InvalidCastException>(() => c.Get<byte>("n"), "300", "Byte");
            Check.Throws<InvalidCastException>(() => c.Get<string>("n"), "Int64", "String");
            c["n"] = 1.5;
            Check.Equal(1.5f, c.Get<float>("n"));
            Check.Throws<InvalidCastException>(() => c.Get<int>("n"));
            c["n"] = null;
            Check.Equal(null, c.Get<string>("n"));
            Check.Equal(null, c.Get<int?>("n"));
            Check.Throws<InvalidCastException>(() => c.Get<int>("n"), "null");
            Check.Equal(7, c.GetValueOrDefault("none", 7));
        }

        public static void LongTextsAndListsOfManyItems()
        {
            Cache c = Clusters.Cache();
            var list = Enumerable.Range(0, 10000).Select(i => (object)("text " + i)).ToList();
            list.Add(new string('\u00e9', 100000));
            list.Add(new byte[100000]);
            c["k"] = list;
            Check.Equal(list, c["k"]);
            string text = new string('\u20ac', 5000);
            c["t"] = text;
            Check.Equal(text, c["t"]);
        }

        private static object Read(string hex)
        {
            local = local == null || local.Node.IsClosed
                ? Clusters.Cache(new Settings { ["cache_mode"] = "local" }) : local;
            local.PutEncoded("k", Matrix.FromHex(hex.Replace(" ", "")), Codec.Cbor);
            return local["k"];
        }

        private static Cache local;
    }
}
