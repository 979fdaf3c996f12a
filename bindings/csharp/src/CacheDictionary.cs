using System;
using System.Collections;
using System.Collections.Generic;
using MCCache.Interop;

namespace MCCache
{
    // The face of a dictionary, and iteration: in no order, and never failing because others write. An entry that is
    // there all the time comes once, others at most once.
    public sealed unsafe partial class Cache
    {
        /// <summary>
        /// The keys, as they come: those of text and those of bytes that are not UTF-8. Others may write meanwhile.
        /// </summary>
        public IEnumerable<CacheKey> EnumerateKeys()
        {
            using (Iter iter = native.keys())
            {
                while (Step(iter, out CacheKey key))
                {
                    yield return key;
                }
            }
        }

        /// <summary>
        /// The entries, as they come, each read with its key in one step; does not count as a use of them. Others may
        /// write meanwhile.
        /// </summary>
        /// <exception cref="MCCacheCodecException">A value cannot be read; <see cref="EnumerateKeys"/> passes over values.</exception>
        public IEnumerable<KeyValuePair<CacheKey, object>> EnumerateEntries()
        {
            using (Iter iter = native.keys())
            {
                while (Step(iter, out CacheKey key, out object value))
                {
                    yield return new KeyValuePair<CacheKey, object>(key, value);
                }
            }
        }

        /// <summary>
        /// The entries whose keys are text, as <see cref="EnumerateEntries"/> gives them. Keys that are no UTF-8 are passed
        /// over: nothing in a dictionary of texts can stand for them.
        /// </summary>
        public IEnumerator<KeyValuePair<string, object>> GetEnumerator()
        {
            foreach (KeyValuePair<CacheKey, object> entry in EnumerateEntries())
            {
                string text = entry.Key.TextOrNull;
                if (text != null)
                {
                    yield return new KeyValuePair<string, object>(text, entry.Value);
                }
            }
        }

        IEnumerator IEnumerable.GetEnumerator()
        {
            return GetEnumerator();
        }

        /// <summary>The keys of text that there are now, in a list of its own.</summary>
        public ICollection<string> Keys
        {
            get
            {
                var keys = new List<string>();
                foreach (CacheKey key in EnumerateKeys())
                {
                    string text = key.TextOrNull;
                    if (text != null)
                    {
                        keys.Add(text);
                    }
                }
                return keys.AsReadOnly();
            }
        }

        /// <summary>The values of the keys of text that there are now, in a list of its own.</summary>
        public ICollection<object> Values
        {
            get
            {
                var values = new List<object>();
                foreach (KeyValuePair<string, object> entry in this)
                {
                    values.Add(entry.Value);
                }
                return values.AsReadOnly();
            }
        }

        // Those that the enumeration gives: LINQ makes room for so many, and has them copied there.
        int ICollection<KeyValuePair<string, object>>.Count
        {
            get { return Keys.Count; }
        }

        bool ICollection<KeyValuePair<string, object>>.IsReadOnly
        {
            get { return false; }
        }

        /// <summary>Puts a value if this process knows none for the key, as a dictionary does.</summary>
        /// <exception cref="ArgumentException">There is one, or a value of this type cannot be put.</exception>
        public void Add(string key, object value)
        {
            if (!TryAdd(key, value))
            {
                throw new MCCacheArgumentException("the key '" + key + "' has a value already");
            }
        }

        void ICollection<KeyValuePair<string, object>>.Add(KeyValuePair<string, object> item)
        {
            Add(item.Key, item.Value);
        }

        bool ICollection<KeyValuePair<string, object>>.Contains(KeyValuePair<string, object> item)
        {
            return TryGetValue(item.Key, out object value) && CborEquality.Keys.Equals(value, item.Value);
        }

        // Not one step: of a cache that others write to nobody can ask more.
        bool ICollection<KeyValuePair<string, object>>.Remove(KeyValuePair<string, object> item)
        {
            return ((ICollection<KeyValuePair<string, object>>)this).Contains(item) && Remove(item.Key);
        }

        void ICollection<KeyValuePair<string, object>>.CopyTo(KeyValuePair<string, object>[] array, int index)
        {
            if (array == null)
            {
                throw new ArgumentNullException(nameof(array));
            }
            if (index < 0 || index > array.Length)
            {
                throw new ArgumentOutOfRangeException(nameof(index));
            }
            // What came since the caller asked for the count has no room, and is no error.
            foreach (KeyValuePair<string, object> entry in this)
            {
                if (index == array.Length)
                {
                    break;
                }
                array[index++] = entry;
            }
        }

        /// <summary>
        /// The entries whose keys are text. LINQ's own would ask for the count first, and leave places empty for entries
        /// that go meanwhile.
        /// </summary>
        public KeyValuePair<string, object>[] ToArray()
        {
            return ToList().ToArray();
        }

        /// <summary>As <see cref="ToArray"/>, in a list.</summary>
        public List<KeyValuePair<string, object>> ToList()
        {
            var entries = new List<KeyValuePair<string, object>>();
            foreach (KeyValuePair<string, object> entry in this)
            {
                entries.Add(entry);
            }
            return entries;
        }

        private static bool Step(Iter iter, out CacheKey key)
        {
            bool more = iter.next(out Bytes bytes);
            key = more ? CacheKey.Of(bytes.Data, bytes.Length) : default(CacheKey);
            return more;
        }

        private bool Step(Iter iter, out CacheKey key, out object value)
        {
            Value next = iter.next_entry(out Bytes bytes);
            key = next != null ? CacheKey.Of(bytes.Data, bytes.Length) : default(CacheKey);
            value = next != null ? ValueCodec.Take(next, nativeSerialization) : null;
            return next != null;
        }
    }
}
