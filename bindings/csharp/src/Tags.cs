using System;
using System.Collections.Generic;
using System.IO;

namespace MCCache
{
    /// <summary>Tags as C takes them: UTF-8 with a zero byte between two.</summary>
    internal static class Tags
    {
        /// <summary>Of no tags.</summary>
        internal static readonly byte[] None = new byte[0];

        // As C has them: refused here, before anything is loaded.
        private const int CountMax = 16;
        private const int LengthMax = 255;

        internal static byte[] Pack(IEnumerable<string> tags)
        {
            if (tags == null)
            {
                throw new ArgumentNullException(nameof(tags));
            }
            var packed = new MemoryStream();
            int count = 0;
            foreach (string tag in tags)
            {
                byte[] bytes = Interop.Text.Encode(tag ?? throw new ArgumentNullException(nameof(tags), "null among them"), "tags");
                if (bytes.Length == 0 || bytes.Length > LengthMax || tag.IndexOf('\0') >= 0)
                {
                    throw new MCCacheArgumentException("tags: one of " + bytes.Length + " bytes; each has 1 to " + LengthMax
                        + " bytes of UTF-8, none of them zero");
                }
                if (++count > CountMax)
                {
                    throw new MCCacheArgumentException("tags: more than " + CountMax + ", which is the most that an entry has");
                }
                if (count > 1)
                {
                    packed.WriteByte(0);
                }
                packed.Write(bytes, 0, bytes.Length);
            }
            return packed.ToArray();
        }
    }
}
