using System.Collections;
using System.Collections.Generic;

namespace MCCache
{
    /// <summary>
    /// Equality of the keys of maps that were read: bytes and lists by what is in them, everything else by its own
    /// Equals. With it two equal keys are one, whatever they are.
    /// </summary>
    internal sealed class CborEquality : IEqualityComparer<object>
    {
        internal static readonly CborEquality Keys = new CborEquality();

        public new bool Equals(object left, object right)
        {
            if (left is byte[] leftBytes && right is byte[] rightBytes)
            {
                return leftBytes.SameAs(rightBytes);
            }
            if (left is IList leftList && right is IList rightList)
            {
                return SameLists(leftList, rightList);
            }
            return object.Equals(left, right);
        }

        public int GetHashCode(object key)
        {
            if (key is byte[] bytes)
            {
                return ByteHash.Of(bytes);
            }
            if (!(key is IList list))
            {
                return key.GetHashCode();
            }
            int hash = list.Count;
            foreach (object each in list)
            {
                hash = unchecked(hash * 31 + (each == null ? 0 : GetHashCode(each)));
            }
            return hash;
        }

        private bool SameLists(IList left, IList right)
        {
            if (left.Count != right.Count)
            {
                return false;
            }
            for (int at = 0; at < left.Count; at++)
            {
                if (!Equals(left[at], right[at]))
                {
                    return false;
                }
            }
            return true;
        }
    }
}
