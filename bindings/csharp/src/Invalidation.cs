using System;
using MCCache.Interop;

namespace MCCache
{
    /// <summary>
    /// An invalidation of some keys in two steps, around a transaction of the database that a cache is loaded from:
    /// <see cref="Cache.Invalidating(CacheKey[])"/>. It has begun, and ends when it is disposed.
    /// <code>
    /// using (cache.Invalidating("product:7"))
    /// {
    ///     command.ExecuteNonQuery();
    ///     transaction.Commit();
    /// }
    /// </code>
    /// One that is forgotten ends when it is collected, or by its limit. For one thread at a time.
    /// </summary>
    public sealed class Invalidation : IDisposable
    {
        private readonly Interop.Invalidation native;
        private bool begun;

        internal Invalidation(Interop.Invalidation native, long limitMs, long timeoutMs)
        {
            this.native = native;
            IsComplete = native.begin(limitMs, timeoutMs);
            begun = true;
        }

        /// <summary>
        /// Whether every live member has answered in time. If not, some may show what was before the transaction until they
        /// hear of the end, as after any removal.
        /// </summary>
        public bool IsComplete { get; }

        /// <summary>
        /// Whether it ended before its limit: if not, members may have loaded what was before the transaction meanwhile, and
        /// have shown it until then. Null until it ends, and after <see cref="Abort"/>.
        /// </summary>
        public bool? IsInTime { get; private set; }

        /// <summary>Ends it, as the transaction was rolled back for certain. Disposing it does nothing then.</summary>
        /// <exception cref="MCCacheArgumentException">It has ended.</exception>
        public void Abort()
        {
            begun = false;
            native.abort();
        }

        /// <summary>Ends it: after the transaction was committed, or if nobody knows what became of it.</summary>
        public void Dispose()
        {
            if (begun)
            {
                begun = false;
                IsInTime = native.commit();
            }
        }
    }

    public sealed unsafe partial class Cache
    {
        /// <summary>
        /// As <see cref="Invalidating(TimeSpan, TimeSpan, CacheKey[])"/>, with a limit of 30 seconds and a wait of one.
        /// </summary>
        /// <param name="keys">1 to 64.</param>
        public Invalidation Invalidating(params CacheKey[] keys)
        {
            return Invalidating(TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(1), keys);
        }

        /// <summary>
        /// Begins to invalidate keys around a transaction that changes what they are loaded from. From now until the result is
        /// disposed they are misses on every member, and what is loaded of them is returned and not put. So nobody reads from
        /// the cache what was before the transaction once the database has committed it, even if the process dies before it
        /// says so. Puts pass; it is no lock.
        /// </summary>
        /// <param name="limit">For how long members wait for the end, above zero, ten minutes at most. A transaction that takes
        /// longer has only what a removal after it promises.</param>
        /// <param name="timeout">Longest wait for the members here: see <see cref="Invalidation.IsComplete"/>.</param>
        /// <param name="keys">1 to 64.</param>
        /// <exception cref="MCCacheArgumentException">No key or too many, or a limit of more than ten minutes.</exception>
        public Invalidation Invalidating(TimeSpan limit, TimeSpan timeout, params CacheKey[] keys)
        {
            if (keys == null)
            {
                throw new ArgumentNullException(nameof(keys));
            }
            if (limit <= TimeSpan.Zero)
            {
                throw new ArgumentOutOfRangeException(nameof(limit), limit, "it must be above zero, and ten minutes at most");
            }
            long limitMs = Times.Wait(limit), timeoutMs = Times.Wait(timeout);
            var begins = new Interop.Invalidation(native);
            foreach (CacheKey key in keys)
            {
                fixed (byte* data = KeyBytes(key, out int length))
                {
                    begins.add(new Bytes(data, length));
                }
            }
            return new Invalidation(begins, limitMs, timeoutMs);
        }
    }
}
