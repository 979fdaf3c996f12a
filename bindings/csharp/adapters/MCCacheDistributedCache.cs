// An IDistributedCache of ASP.NET Core over a MCCache.Cache. In source form, since it needs the package
// Microsoft.Extensions.Caching.Abstractions, which every such application has: copy this file into it.
//
//     services.AddSingleton<IDistributedCache>(_ => new MCCacheDistributedCache(Cache.Open("sessions")));

using System;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.Extensions.Caching.Distributed;

namespace MCCache.Extensions.Caching.Distributed
{
    /// <summary>
    /// Keeps the bytes of ASP.NET Core's sessions and caches on every member. Reads never leave the process.
    /// <para>
    /// An entry without expirations lives until it is evicted. With a sliding expiration each use gives the entry a new
    /// time to live on all members, unless that would be less than a second (or a sixteenth of a shorter expiration)
    /// longer than what it has: an entry that is read a thousand times a second is not sent a thousand times. So it may
    /// go that much earlier than promised, and never later. An absolute expiration ends an entry whatever its uses.
    /// </para>
    /// </summary>
    public sealed class MCCacheDistributedCache : IDistributedCache
    {
        // An entry is its absolute expiration and its sliding one, in ticks, 0 for none, and the bytes.
        private const int HeaderLength = 16;
        private static readonly TimeSpan GrainMax = TimeSpan.FromSeconds(1);
        private const int GrainsMin = 16;

        private readonly Cache cache;
        private readonly Func<DateTimeOffset> clock;

        /// <summary>Over a cache, which should have no other use. It is not closed with this object.</summary>
        public MCCacheDistributedCache(Cache cache) : this(cache, () => DateTimeOffset.UtcNow) { }

        internal MCCacheDistributedCache(Cache cache, Func<DateTimeOffset> clock)
        {
            this.cache = cache ?? throw new ArgumentNullException(nameof(cache));
            this.clock = clock;
        }

        /// <summary>The bytes of a key, or null. Counts as a use.</summary>
        public byte[] Get(string key)
        {
            return Use(key, true);
        }

        /// <summary>As <see cref="Get"/>; never waits.</summary>
        public Task<byte[]> GetAsync(string key, CancellationToken token = default(CancellationToken))
        {
            return Done(token, () => Get(key));
        }

        /// <summary>Counts as a use of a key: its sliding expiration starts anew.</summary>
        public void Refresh(string key)
        {
            Use(key, false);
        }

        /// <summary>As <see cref="Refresh"/>; never waits.</summary>
        public Task RefreshAsync(string key, CancellationToken token = default(CancellationToken))
        {
            return Done(token, () => Use(key, false));
        }

        /// <summary>Deletes a key, on all members.</summary>
        public void Remove(string key)
        {
            cache.Remove(key);
        }

        /// <summary>As <see cref="Remove"/>; never waits.</summary>
        public Task RemoveAsync(string key, CancellationToken token = default(CancellationToken))
        {
            return Done(token, () => cache.Remove(key));
        }

        /// <summary>Puts bytes, on all members.</summary>
        /// <exception cref="ArgumentOutOfRangeException">The absolute expiration is in the past.</exception>
        public void Set(string key, byte[] value, DistributedCacheEntryOptions options)
        {
            if (value == null)
            {
                throw new ArgumentNullException(nameof(value));
            }
            if (options == null)
            {
                throw new ArgumentNullException(nameof(options));
            }
            DateTimeOffset now = clock();
            DateTimeOffset? absolute = Absolute(options, now);
            var entry = new byte[HeaderLength + value.Length];
            Write(entry, 0, absolute?.UtcTicks ?? 0);
            Write(entry, 8, options.SlidingExpiration?.Ticks ?? 0);
            value.CopyTo(entry, HeaderLength);
            cache.Put(key, entry, Life(absolute, options.SlidingExpiration, now));
        }

        /// <summary>As <see cref="Set"/>; never waits.</summary>
        public Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options,
                             CancellationToken token = default(CancellationToken))
        {
            return Done(token, () =>
            {
                Set(key, value, options);
                return true;
            });
        }

        private byte[] Use(string key, bool wanted)
        {
            if (key == null)
            {
                throw new ArgumentNullException(nameof(key));
            }
            if (!cache.TryGetValue(key, out object found))
            {
                return null;
            }
            if (!(found is byte[] entry) || entry.Length < HeaderLength)
            {
                throw new InvalidOperationException("the key '" + key + "' of cache '" + cache.Name
                    + "' was put by something else than this adapter: give it a cache of its own");
            }
            long absolute = Read(entry, 0), sliding = Read(entry, 8);
            DateTimeOffset now = clock();
            if (absolute != 0 && now.UtcTicks >= absolute)
            {
                // Its time is over by this clock, though not yet by that of the cache.
                return null;
            }
            if (sliding != 0)
            {
                Slide(key, absolute == 0 ? (DateTimeOffset?)null : new DateTimeOffset(absolute, TimeSpan.Zero),
                      TimeSpan.FromTicks(sliding), now);
            }
            if (!wanted)
            {
                return null;
            }
            var value = new byte[entry.Length - HeaderLength];
            Array.Copy(entry, HeaderLength, value, 0, value.Length);
            return value;
        }

        private void Slide(string key, DateTimeOffset? absolute, TimeSpan sliding, DateTimeOffset now)
        {
            TimeSpan life = Life(absolute, sliding, now);
            TimeSpan? left = cache.GetMetadata(key)?.TimeToLive;
            TimeSpan grain = TimeSpan.FromTicks(Math.Min(GrainMax.Ticks, sliding.Ticks / GrainsMin));
            if (left != null && life - left.Value >= grain)
            {
                cache.Touch(key, life);
            }
        }

        private static DateTimeOffset? Absolute(DistributedCacheEntryOptions options, DateTimeOffset now)
        {
            // As Microsoft's own caches have it: the relative one counts if both are given.
            DateTimeOffset? absolute = options.AbsoluteExpirationRelativeToNow.HasValue
                ? now + options.AbsoluteExpirationRelativeToNow.Value
                : options.AbsoluteExpiration;
            if (absolute <= now)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(options.AbsoluteExpiration), absolute, "the absolute expiration must be in the future");
            }
            return absolute;
        }

        private static TimeSpan Life(DateTimeOffset? absolute, TimeSpan? sliding, DateTimeOffset now)
        {
            TimeSpan? untilAbsolute = absolute - now;
            TimeSpan? life = untilAbsolute == null || sliding < untilAbsolute ? sliding ?? untilAbsolute : untilAbsolute;
            return life ?? Timeout.InfiniteTimeSpan;
        }

        // Little-endian on every member, whatever its processor.
        private static void Write(byte[] entry, int at, long ticks)
        {
            for (int index = 0; index < 8; index++)
            {
                entry[at + index] = unchecked((byte)(ticks >> (8 * index)));
            }
        }

        private static long Read(byte[] entry, int at)
        {
            long ticks = 0;
            for (int index = 7; index >= 0; index--)
            {
                ticks = ticks << 8 | entry[at + index];
            }
            return ticks;
        }

        private static Task<T> Done<T>(CancellationToken token, Func<T> work)
        {
            if (token.IsCancellationRequested)
            {
                return Task.FromCanceled<T>(token);
            }
            try
            {
                return Task.FromResult(work());
            }
            catch (Exception problem)
            {
                return Task.FromException<T>(problem);
            }
        }
    }
}
