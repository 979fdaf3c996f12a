using System;
using System.Collections.Generic;
using System.Text;

namespace MCCache
{
    /// <summary>Tags as C takes them: UTF-8 with a zero byte between two.</summary>
    internal static class Tags
    {
        internal static byte[] Pack(IEnumerable<string> tags)
        {
            if (tags == null)
            {
                throw new ArgumentNullException(nameof(tags));
            }
            StringBuilder packed = new StringBuilder();
            bool isFirst = true;
            foreach (string tag in tags)
            {
                if (string.IsNullOrEmpty(tag) || tag.IndexOf('\0') >= 0)
                {
                    throw new MCCacheArgumentException("tags: each has 1 to 255 bytes of UTF-8, none of them zero");
                }
                packed.Append(isFirst ? "" : "\0").Append(tag);
                isFirst = false;
            }
            return Interop.Text.Encode(packed.ToString(), "tags");
        }
    }
}
