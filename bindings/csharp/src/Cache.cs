using System;
using System.Collections.Generic;
using System.Threading;
using MCCache.Interop;

namespace MCCache
{
    /// <summary>
    /// A dictionary that every process of a cluster has. Reads never leave the process; writes go to the other members
    /// in the background. May be used from any threads.
    /// <para>
    /// Keys are text or bytes (<see cref="CacheKey"/>). Values are byte[], string, and what CBOR carries: Boolean, the
    /// numbers, null, DateTimeOffset, <see cref="Date"/>, Guid, lists and dictionaries. Integers come back as long, or as
    /// ulong and BigInteger where they are larger; lists as List&lt;object&gt;; maps as Dictionary&lt;string, object&gt;
    /// if all keys are text, else as Dictionary&lt;object, object&gt;. Values are copied in and out.
    /// </para>
    /// <para>
    /// Every method throws <see cref="MCCacheClosedException"/> once the cache or its node is closed,
    /// <see cref="ArgumentNullException"/> for a null key, and <see cref="MCCacheTooLargeException"/> for a key of more
    /// than 65,535 bytes.
    /// </para>
    /// </summary>
    public sealed unsafe partial class Cache : IDictionary<string, object>, IDisposable
    {
        private readonly Interop.Cache native;
        private readonly bool nativeSerialization;

        internal Cache(Node node, Interop.Cache native, bool nativeSerialization)
        {
            Node = node;
            Name = native.name();
            this.native = native;
            this.nativeSerialization = nativeSerialization;
            loads = new LoadPolicy(native, null);
            dispatcher = new Dispatcher("mccache events of " + Name, OpenEvents, Raise);
        }

        /// <summary>
        /// Opens a cache of the process's own node, which the first call starts. Parameters and exceptions are those of
        /// <see cref="MCCache.Node.OpenCache"/> and <see cref="MCCache.Node.Own"/>.
        /// </summary>
        public static Cache Open(string name, Settings settings = null, bool nativeSerialization = false)
        {
            return Node.Own().OpenCache(name, settings, nativeSerialization);
        }

        /// <summary>The cache's name.</summary>
        public string Name { get; }

        /// <summary>The node it belongs to.</summary>
        public Node Node { get; }

        /// <summary>The value of a key. Setting it puts with the cache's own time to live.</summary>
        /// <exception cref="KeyNotFoundException">It is asked for and there is none.</exception>
        /// <exception cref="MCCacheCodecException">The value cannot be read.</exception>
        /// <exception cref="MCCacheArgumentException">A value of this type cannot be put.</exception>
        public object this[string key]
        {
            get { return Lookup(key, null, out object value) ? value : throw Missing(key); }
            set { Store(key, null, value, 0); }
        }

        /// <summary>As the indexer of text keys, for any key.</summary>
        public object this[CacheKey key]
        {
            get { return Lookup(key.GivenText, key.GivenBytes, out object value) ? value : throw Missing(key); }
            set { Store(key.GivenText, key.GivenBytes, value, 0); }
        }

        /// <summary>Gets a value.</summary>
        /// <returns>Whether there is one.</returns>
        /// <exception cref="MCCacheCodecException">The value cannot be read.</exception>
        public bool TryGetValue(string key, out object value)
        {
            return Lookup(key, null, out value);
        }

        /// <summary>Gets a value.</summary>
        /// <returns>Whether there is one.</returns>
        /// <exception cref="MCCacheCodecException">The value cannot be read.</exception>
        public bool TryGetValue(CacheKey key, out object value)
        {
            return Lookup(key.GivenText, key.GivenBytes, out value);
        }

        /// <summary>
        /// Gets a value as a type: its own, or another number's where it fits (a long of 5 as int, a double as float), or
        /// DateTime (of kind Utc) for a point in time.
        /// </summary>
        /// <returns>Whether there is one.</returns>
        /// <exception cref="InvalidCastException">It is something else.</exception>
        /// <exception cref="MCCacheCodecException">The value cannot be read.</exception>
        public bool TryGetValue<T>(CacheKey key, out T value)
        {
            bool found = Lookup(key.GivenText, key.GivenBytes, out object any);
            value = found ? ValueCodec.To<T>(any) : default(T);
            return found;
        }

        /// <summary>Gets a value as a type, as <see cref="TryGetValue{T}"/> does.</summary>
        /// <exception cref="KeyNotFoundException">There is none.</exception>
        /// <exception cref="InvalidCastException">It is something else.</exception>
        /// <exception cref="MCCacheCodecException">The value cannot be read.</exception>
        public T Get<T>(CacheKey key)
        {
            return ValueCodec.To<T>(this[key]);
        }

        /// <summary>Gets a value as a type, or the default if there is none.</summary>
        /// <exception cref="InvalidCastException">It is something else.</exception>
        /// <exception cref="MCCacheCodecException">The value cannot be read.</exception>
        public T GetValueOrDefault<T>(CacheKey key, T otherwise = default(T))
        {
            return TryGetValue(key, out T value) ? value : otherwise;
        }

        /// <summary>
        /// Gets a value's bytes without a copy, whatever their codec; null if there is none. The view stays valid when the
        /// entry goes and when the cache is closed.
        /// </summary>
        public ValueView OpenView(CacheKey key)
        {
            fixed (byte* data = KeyBytes(key, out int length))
            {
                IntPtr value = native.value_handle(new Bytes(data, length));
                return value == IntPtr.Zero ? null : new ValueView(value);
            }
        }

        /// <summary>
        /// Puts a value: it can be read here at once, and goes to all members. Of two puts of a key by two members the
        /// later one wins everywhere.
        /// </summary>
        /// <param name="key">The key.</param>
        /// <param name="value">The value; copied.</param>
        /// <param name="ttl">Time to live, above zero, to the millisecond; null is the cache's own,
        /// Timeout.InfiniteTimeSpan is without end.</param>
        /// <exception cref="MCCacheArgumentException">A value of this type cannot be put. Nothing was changed.</exception>
        /// <exception cref="MCCacheTooLargeException">The value is longer than the cache takes.</exception>
        public void Put(CacheKey key, object value, TimeSpan? ttl = null)
        {
            Store(key.GivenText, key.GivenBytes, value, Times.Ttl(ttl));
        }

        /// <summary>Puts a value with tags, so that <see cref="InvalidateTag"/> can take it.</summary>
        /// <param name="key">The key.</param>
        /// <param name="value">The value; copied.</param>
        /// <param name="tags">At most 16 texts; the entry has those of its last put.</param>
        /// <param name="ttl">As for <see cref="Put"/>.</param>
        /// <exception cref="MCCacheArgumentException">Too many tags, or one that has not 1 to 255 bytes; or a value of a type
        /// that cannot be put. Nothing was changed.</exception>
        public void PutTagged(CacheKey key, object value, IEnumerable<string> tags, TimeSpan? ttl = null)
        {
            byte[] names = Tags.Pack(tags);
            long ttlMs = Times.Ttl(ttl);
            Scratch scratch = Scratch.Take();
            try
            {
                Encoded encoded = ValueCodec.Encode(value, nativeSerialization, scratch);
                fixed (byte* at = KeyBytes(key, out int length), data = encoded.Array, packed = names)
                {
                    native.put_tagged(new Bytes(at, length), new Bytes(data + encoded.Offset, encoded.Count),
                                      encoded.Codec, ttlMs, new Bytes(packed, names.Length));
                }
            }
            finally
            {
                scratch.Return();
            }
        }

        /// <summary>
        /// Makes every entry that was put or loaded with a tag a miss, here at once and on all members soon, however many there are. They
        /// count until they expire or make room. What is put with the tag afterwards is read.
        /// </summary>
        /// <param name="tag">The tag.</param>
        /// <exception cref="MCCacheArgumentException">It has not 1 to 255 bytes.</exception>
        public void InvalidateTag(string tag)
        {
            byte[] names = Tags.Pack(new[] { tag ?? throw new ArgumentNullException(nameof(tag)) });
            fixed (byte* packed = names)
            {
                native.invalidate_tag(new Bytes(packed, names.Length));
            }
        }

        /// <summary>Puts bytes as they are, and says how they are to be read. They are not checked.</summary>
        /// <param name="key">The key.</param>
        /// <param name="bytes">The value's bytes; copied.</param>
        /// <param name="codec">How to read them.</param>
        /// <param name="ttl">As for <see cref="Put"/>.</param>
        public void PutEncoded(CacheKey key, byte[] bytes, Codec codec, TimeSpan? ttl = null)
        {
            if (bytes == null)
            {
                throw new ArgumentNullException(nameof(bytes));
            }
            long ttlMs = Times.Ttl(ttl);
            fixed (byte* data = KeyBytes(key, out int length), value = bytes)
            {
                native.put(new Bytes(data, length), new Bytes(value, bytes.Length), (byte)codec, ttlMs);
            }
        }

        /// <summary>
        /// Puts a value only if this process knows none for the key. Of threads of this process that do so at once, one
        /// succeeds; two members may both succeed at the same time, and the later one wins.
        /// </summary>
        /// <returns>Whether it was put.</returns>
        /// <exception cref="MCCacheArgumentException">A value of this type cannot be put.</exception>
        public bool TryAdd(CacheKey key, object value, TimeSpan? ttl = null)
        {
            long ttlMs = Times.Ttl(ttl);
            byte[] keyBytes = KeyBytes(key, out int length);
            Scratch scratch = Scratch.Take();
            try
            {
                Encoded encoded = ValueCodec.Encode(value, nativeSerialization, scratch);
                fixed (byte* data = keyBytes, array = encoded.Array)
                {
                    return native.put_new(new Bytes(data, length), new Bytes(array + encoded.Offset, encoded.Count),
                                          encoded.Codec, ttlMs);
                }
            }
            finally
            {
                scratch.Return();
            }
        }

        /// <summary>
        /// Deletes a key and gives its value, in one step: of the threads of this process that do so at once, one gets it.
        /// </summary>
        /// <returns>Whether there was one.</returns>
        /// <exception cref="MCCacheCodecException">The value cannot be read. It is deleted.</exception>
        public bool TryRemove(CacheKey key, out object value)
        {
            Value taken;
            fixed (byte* data = KeyBytes(key, out int length))
            {
                taken = native.take(new Bytes(data, length));
            }
            value = taken == null ? null : ValueCodec.Take(taken, nativeSerialization);
            return taken != null;
        }

        /// <summary>Deletes a key, here and on all members, whether or not a value is known here.</summary>
        /// <returns>Whether a value was known here.</returns>
        public bool Remove(string key)
        {
            return Remove(new CacheKey(key));
        }

        /// <summary>Deletes a key, here and on all members, whether or not a value is known here.</summary>
        /// <returns>Whether a value was known here.</returns>
        public bool Remove(CacheKey key)
        {
            fixed (byte* data = KeyBytes(key, out int length))
            {
                return native.remove(new Bytes(data, length));
            }
        }

        /// <summary>Tells whether a key has a value. Does not count as a use of it.</summary>
        public bool ContainsKey(string key)
        {
            return ContainsKey(new CacheKey(key));
        }

        /// <summary>Tells whether a key has a value. Does not count as a use of it.</summary>
        public bool ContainsKey(CacheKey key)
        {
            fixed (byte* data = KeyBytes(key, out int length))
            {
                return native.contains(new Bytes(data, length));
            }
        }

        /// <summary>
        /// As <see cref="Put"/>, and names the write: for <see cref="SyncToken"/> here and
        /// <see cref="TryGetAtLeast"/> on any member. Waits for nobody.
        /// </summary>
        public WriteToken PutToken(CacheKey key, object value, TimeSpan? ttl = null)
        {
            long ttlMs = Times.Ttl(ttl);
            byte[] keyBytes = KeyBytes(key, out int length);
            Scratch scratch = Scratch.Take();
            try
            {
                Encoded encoded = ValueCodec.Encode(value, nativeSerialization, scratch);
                fixed (byte* data = keyBytes, array = encoded.Array)
                {
                    using (Token raw = native.put_token(new Bytes(data, length),
                                                        new Bytes(array + encoded.Offset, encoded.Count),
                                                        encoded.Codec, ttlMs))
                    {
                        return new WriteToken(raw);
                    }
                }
            }
            finally
            {
                scratch.Return();
            }
        }

        /// <summary>As Remove, and names the delete, whether or not a value was known here.</summary>
        public WriteToken RemoveToken(CacheKey key)
        {
            fixed (byte* data = KeyBytes(key, out int length))
            {
                using (Token raw = native.remove_token(new Bytes(data, length)))
                {
                    return new WriteToken(raw);
                }
            }
        }

        /// <summary>
        /// Gets a value if it is the one that a token names, or a newer one. The token may come from another member, by
        /// whatever way the program has. A write that has not come here yet is as good as none.
        /// </summary>
        /// <returns>Whether there is one that is new enough.</returns>
        public bool TryGetAtLeast(CacheKey key, WriteToken least, out object value)
        {
            Value found;
            fixed (byte* data = KeyBytes(key, out int length))
            {
                found = native.get_at_least(new Bytes(data, length), least.Version.Clock, least.Version.Origin);
            }
            value = found == null ? null : ValueCodec.Take(found, nativeSerialization);
            return found != null;
        }

        /// <summary>Gives an entry a new time to live from now on, here and on all members.</summary>
        /// <param name="key">The key.</param>
        /// <param name="ttl">As for <see cref="Put"/>.</param>
        /// <returns>Whether there is an entry.</returns>
        public bool Touch(CacheKey key, TimeSpan? ttl = null)
        {
            long ttlMs = Times.Ttl(ttl);
            fixed (byte* data = KeyBytes(key, out int length))
            {
                return native.touch(new Bytes(data, length), ttlMs);
            }
        }

        /// <summary>Tells what is known of an entry; null if there is none. Does not count as a use of it.</summary>
        public EntryMetadata GetMetadata(CacheKey key)
        {
            try
            {
                fixed (byte* data = KeyBytes(key, out int length))
                {
                    using (Metadata raw = native.metadata(new Bytes(data, length)))
                    {
                        return new EntryMetadata(raw);
                    }
                }
            }
            catch (MCCacheKeyNotFoundException)
            {
                return null;
            }
        }

        /// <summary>Deletes all entries, here and on all members.</summary>
        public void Clear()
        {
            native.clear();
        }

        /// <summary>How many entries the cache holds in this process.</summary>
        public int Count
        {
            get { return (int)Math.Min(native.len(), int.MaxValue); }
        }

        /// <summary>Figures of this cache in this process.</summary>
        public CacheStats GetStats()
        {
            using (Interop.CacheStats raw = native.stats())
            {
                return new CacheStats(raw);
            }
        }

        /// <summary>Sums up the contents: equal contents have equal checksums on every member. Reads every entry.</summary>
        public CacheChecksum GetChecksum()
        {
            using (Checksum raw = native.checksum())
            {
                return new CacheChecksum(raw);
            }
        }

        /// <summary>
        /// Each live member's checksum by its name, this node's first; null for who did not answer in time. Of members with the
        /// same name the second is "name (2)", and so on.
        /// </summary>
        /// <param name="timeout">Longest wait; 2 seconds if null.</param>
        public IReadOnlyDictionary<string, CacheChecksum> GetClusterChecksum(TimeSpan? timeout = null)
        {
            using (Checksums list = native.cluster_checksum(Times.Wait(timeout ?? Times.Answer)))
            {
                var members = new Dictionary<string, CacheChecksum>();
                for (ulong at = 0; at < list.count(); at++)
                {
                    using (Checksum item = list.item(at))
                    {
                        members.Add(Node.Distinct(list.member(at), members.ContainsKey),
                                    item == null ? null : new CacheChecksum(item));
                    }
                }
                return members;
            }
        }

        /// <summary>
        /// Waits until every live member has applied all that this process wrote to the cache before.
        /// </summary>
        /// <param name="timeout">Longest wait; 5 seconds if null.</param>
        /// <exception cref="MCCacheTimeoutException">Somebody was too slow. The writes still go out.</exception>
        public void Sync(TimeSpan? timeout = null)
        {
            TimeSpan limit = timeout ?? Times.Sync;
            if (!Times.InSlices(ms => native.sync(ms), limit, CancellationToken.None))
            {
                throw Times.TimedOut(limit, SyncWhat);
            }
        }

        /// <summary>
        /// Waits until members have applied one write of this process, or something newer; not for what came after it.
        /// </summary>
        /// <param name="token">Of a put or a removal of this process.</param>
        /// <param name="timeout">Longest wait; 5 seconds if null.</param>
        /// <param name="members">So many that have the cache open, this process not counted, also if there are not so many
        /// yet; null: all that are alive, as far as they have it open.</param>
        /// <exception cref="MCCacheTimeoutException">They were too slow. The write still goes out.</exception>
        public void SyncToken(WriteToken token, TimeSpan? timeout = null, int? members = null)
        {
            TimeSpan limit = timeout ?? Times.Sync;
            if (!Times.InSlices(Applied(token, members), limit, CancellationToken.None))
            {
                throw Times.TimedOut(limit, AppliedWhat(members));
            }
        }

        private const string SyncWhat = "members that are alive to apply what was written";

        private static string AppliedWhat(int? members)
        {
            return members == null ? SyncWhat : members + " members to apply the write";
        }

        private Func<long, bool> Applied(WriteToken token, int? members)
        {
            if (members < 1)
            {
                throw new ArgumentOutOfRangeException(nameof(members), members, "1 or more, or null for all that are alive");
            }
            EntryVersion version = token.Version;
            return ms => native.sync_token(version.Clock, version.Origin, token.Position, members ?? 0, ms);
        }

        /// <summary>
        /// Leaves the cache, on every object of it in this process: its entries are forgotten here, and stay on other
        /// members. Calls of other threads end with a MCCacheClosedException, and so do later ones. Doing it again does
        /// nothing.
        /// </summary>
        public void Dispose()
        {
            native.close();
        }

        /// <inheritdoc/>
        public override string ToString()
        {
            string state;
            try
            {
                state = native.len() + " entries";
            }
            catch (MCCacheClosedException)
            {
                state = "closed";
            }
            return "MCCache.Cache " + Name + " of " + Node.Name + ": " + state;
        }

        // Memory of the stack is used for neither keys nor values: managed code clears it before each call.
        private bool Lookup(string text, byte[] bytes, out object value)
        {
            Found found;
            bool there;
            if (text != null && text.Length <= Interop.Cache.TextMax)
            {
                there = native.Lookup(text, &found);
            }
            else
            {
                byte[] key = bytes ?? Text.Encode(text ?? throw new ArgumentNullException("key"), "key");
                fixed (byte* data = key)
                {
                    there = native.Lookup(data, key.Length, &found);
                }
            }
            value = there ? ValueOf(ref found) : null;
            return there;
        }

        internal object ValueOf(ref Found found)
        {
            return found.Value == IntPtr.Zero
                ? ValueCodec.Decode(found.Data, (int)found.Len, found.Codec, nativeSerialization)
                : ValueCodec.Take(found.Value, nativeSerialization);
        }

        private void Store(string text, byte[] bytes, object value, long ttlMs)
        {
            if (!(value is byte[] raw))
            {
                StoreEncoded(text, bytes, value, ttlMs);
            }
            else if (bytes != null)
            {
                fixed (byte* key = bytes, data = raw)
                {
                    native.Put(key, bytes.Length, data, raw.Length, 0, ttlMs);
                }
            }
            else
            {
                fixed (byte* data = raw)
                {
                    StoreText(text, data, raw.Length, 0, ttlMs);
                }
            }
        }

        private void StoreEncoded(string text, byte[] bytes, object value, long ttlMs)
        {
            Scratch scratch = Scratch.Take();
            try
            {
                Encoded encoded = ValueCodec.Encode(value, nativeSerialization, scratch);
                fixed (byte* data = encoded.Array)
                {
                    if (bytes == null)
                    {
                        StoreText(text, data + encoded.Offset, encoded.Count, encoded.Codec, ttlMs);
                        return;
                    }
                    fixed (byte* key = bytes)
                    {
                        native.Put(key, bytes.Length, data + encoded.Offset, encoded.Count, encoded.Codec, ttlMs);
                    }
                }
            }
            finally
            {
                scratch.Return();
            }
        }

        private void StoreText(string text, byte* data, int length, byte codec, long ttlMs)
        {
            if (text != null && text.Length <= Interop.Cache.TextMax)
            {
                native.Put(text, data, length, codec, ttlMs);
                return;
            }
            byte[] bytes = Text.Encode(text ?? throw new ArgumentNullException("key"), "key");
            fixed (byte* key = bytes)
            {
                native.Put(key, bytes.Length, data, length, codec, ttlMs);
            }
        }

        private static byte[] KeyBytes(CacheKey key, out int length)
        {
            byte[] bytes = key.GivenBytes;
            if (bytes == null)
            {
                bytes = Text.Encode(key.GivenText ?? throw new ArgumentNullException(nameof(key)), "key");
            }
            length = bytes.Length;
            return bytes;
        }

        /// <summary>What a handle holds, which is given back then.</summary>
        internal object Take(Value value)
        {
            return ValueCodec.Take(value, nativeSerialization);
        }

        private static Exception Missing(CacheKey key)
        {
            return new MCCacheKeyNotFoundException("the key '" + key + "' has no value");
        }
    }
}
