using System;
using System.Collections.Generic;
using MCCache;

namespace MCCache.Tests
{
    /// <summary>BinaryFormatter, where a program asks for it.</summary>
    internal static class NativeFormatTests
    {
        [Serializable]
        private sealed class Order
        {
            public int Number;
            public List<string> Lines;
        }

        private sealed class NotMarked
        {
        }

        private static Cache Secret(bool native)
        {
            return Clusters.Cache(new Settings { ["crypto_key"] = Clusters.Key }, native);
        }

        public static void ObjectsGoInAndComeBackWhereBothAskForIt()
        {
            Cache a = Secret(true), b = Secret(true), plain = Secret(false);
            a["order"] = new Order { Number = 7, Lines = new List<string> { "x" } };
            a["list"] = new List<object> { 1, new Order { Number = 8 } };
            a["text"] = "as ever";
            Check.Equal(Codec.DotNet, a.GetMetadata("order").Codec);
            Check.Equal(Codec.Text, a.GetMetadata("text").Codec);
            // In no order: keys are sent as they are, not as they were written.
            Check.Eventually(() => b.Count == 3 && plain.Count == 3, "the arrival of all three");
            Check.Equal(7, ((Order)b["order"]).Number);
            Check.Equal("x", b.Get<Order>("order").Lines[0]);
            Check.Equal(8, ((Order)((List<object>)b["list"])[1]).Number);
            Check.Throws<MCCacheCodecException>(() => GC.KeepAlive(plain["order"]), "nativeSerialization: true", "OpenView");
            Check.Equal("as ever", plain["text"]);
            Check.That(plain.OpenView("order").Length > 0, "the bytes are there");
        }

        public static void ItIsRefusedWithoutASecret()
        {
            Node node = Clusters.Node();
            Check.Throws<MCCacheConfigException>(() => node.OpenCache("c", null, true), "crypto_key", "mccache keygen");
            Check.Throws<ArgumentException>(() => node.OpenCache("c")["k"] = new Order(), "Order");
        }

        public static void WhatCannotBeSerializedAndWhatIsDamaged()
        {
            Cache c = Secret(true);
            Check.Throws<ArgumentException>(() => c["k"] = new NotMarked(), "NotMarked");
            foreach (byte[] bytes in new[] { new byte[0], new byte[] { 1, 2, 3 }, new byte[1000] })
            {
                c.PutEncoded("k", bytes, Codec.DotNet);
                Check.Throws<MCCacheCodecException>(() => GC.KeepAlive(c["k"]), "BinaryFormatter");
            }
        }
    }
}
