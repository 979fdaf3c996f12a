using System;
using System.Threading;
using System.Threading.Tasks;
using MCCache;
using MCCache.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Distributed;

namespace MCCache.Tests
{
    /// <summary>The adapter for ASP.NET Core, against a declaration of its interface.</summary>
    internal static class DistributedCacheTests
    {
        private static readonly byte[] Value = { 1, 2, 3 };

        public static void BytesGoInAndComeBackOnEveryMember()
        {
            Cache cache = Clusters.Cache(), other = Clusters.Cache();
            IDistributedCache a = new MCCacheDistributedCache(cache), b = new MCCacheDistributedCache(other);
            Check.Equal(null, a.Get("k"));
            a.Set("k", Value, new DistributedCacheEntryOptions());
            Check.Equal(Value, a.Get("k"));
            Check.Equal(null, cache.GetMetadata("k").TimeToLive);
            Check.Eventually(() => b.Get("k") != null, "the entry's arrival");
            Check.Equal(Value, b.GetAsync("k").Result);
            b.RemoveAsync("k").Wait();
            Check.Equal(null, b.Get("k"));
            Check.Eventually(() => a.Get("k") == null, "the removal's arrival");
            a.SetAsync("empty", new byte[0], new DistributedCacheEntryOptions()).Wait();
            Check.Equal(new byte[0], a.GetAsync("empty").Result);
        }

        public static void ASlidingExpirationStartsAnewWithEachUse()
        {
            Cache cache = Clusters.Cache();
            IDistributedCache distributed = new MCCacheDistributedCache(cache);
            TimeSpan sliding = TimeSpan.FromMilliseconds(1500);
            distributed.Set("used", Value, new DistributedCacheEntryOptions { SlidingExpiration = sliding });
            distributed.Set("refreshed", Value, new DistributedCacheEntryOptions { SlidingExpiration = sliding });
            distributed.Set("left", Value, new DistributedCacheEntryOptions { SlidingExpiration = sliding });
            Check.Eventually(
                () =>
                {
                    Check.Equal(Value, distributed.Get("used"));
                    distributed.Refresh("refreshed");
                    return !cache.ContainsKey("left");
                },
                "the end of what is not used");
            Check.That(cache.ContainsKey("refreshed"), "what is refreshed stays");
            Check.Eventually(() => !cache.ContainsKey("used"), "the end once it is not used any more");
        }

        public static void AnAbsoluteExpirationEndsWhateverIsUsed()
        {
            Cache cache = Clusters.Cache();
            IDistributedCache distributed = new MCCacheDistributedCache(cache);
            var options = new DistributedCacheEntryOptions
            {
                SlidingExpiration = TimeSpan.FromMinutes(5),
                AbsoluteExpirationRelativeToNow = TimeSpan.FromMilliseconds(300),
            };
            distributed.Set("k", Value, options);
            Check.That(cache.GetMetadata("k").TimeToLive <= TimeSpan.FromMilliseconds(300), "the absolute one is the nearer");
            Check.Eventually(() => distributed.Get("k") == null, "its end, with a use every moment");
        }

        public static void TheClockDecidesExactly()
        {
            Cache cache = Clusters.Cache();
            DateTimeOffset now = DateTimeOffset.UtcNow;
            var distributed = new MCCacheDistributedCache(cache, () => now);
            distributed.Set("k", Value, new DistributedCacheEntryOptions { AbsoluteExpiration = now.AddHours(1) });
            now = now.AddMinutes(59);
            Check.Equal(Value, distributed.Get("k"));
            now = now.AddMinutes(1);
            Check.Equal(null, distributed.Get("k"));
            // What slides gets what is left of its absolute time at most.
            var both = new DistributedCacheEntryOptions
                { AbsoluteExpiration = now.AddMinutes(40), SlidingExpiration = TimeSpan.FromMinutes(30) };
            distributed.Set("both", Value, both);
            now = now.AddMinutes(20);
            cache.Touch("both", TimeSpan.FromMinutes(10));
            distributed.Refresh("both");
            TimeSpan? left = cache.GetMetadata("both").TimeToLive;
            Check.That(left > TimeSpan.FromMinutes(19) && left <= TimeSpan.FromMinutes(20), "20 minutes are left, not " + left);
        }

        public static void UsesWithinAMomentAreNotSent()
        {
            Cache cache = Clusters.Cache();
            IDistributedCache distributed = new MCCacheDistributedCache(cache);
            distributed.Set("k", Value, new DistributedCacheEntryOptions { SlidingExpiration = TimeSpan.FromHours(1) });
            EntryVersion version = cache.GetMetadata("k").Version;
            for (int use = 0; use < 100; use++)
            {
                distributed.Get("k");
            }
            Check.Equal(version, cache.GetMetadata("k").Version);
            cache.Touch("k", TimeSpan.FromMinutes(30));
            distributed.Get("k");
            Check.That(cache.GetMetadata("k").TimeToLive > TimeSpan.FromMinutes(59), "an hour again");
        }

        public static void BadArgumentsAndOthersEntriesAreRefused()
        {
            Cache cache = Clusters.Cache();
            IDistributedCache distributed = new MCCacheDistributedCache(cache);
            Check.Throws<ArgumentNullException>(() => distributed.Get(null));
            Check.Throws<ArgumentNullException>(() => distributed.Set("k", null, new DistributedCacheEntryOptions()));
            Check.Throws<ArgumentNullException>(() => distributed.Set("k", Value, null));
            Check.Throws<ArgumentOutOfRangeException>(() => distributed.Set(
                "k", Value, new DistributedCacheEntryOptions { AbsoluteExpiration = DateTimeOffset.UtcNow.AddSeconds(-1) }));
            cache["mine"] = "text";
            Check.Throws<InvalidOperationException>(() => distributed.Get("mine"), "'mine'", "its own");
            var cancelled = new CancellationToken(true);
            Check.That(distributed.GetAsync("k", cancelled).IsCanceled, "a cancelled token is heard");
            Task failed = distributed.SetAsync("k", null, new DistributedCacheEntryOptions());
            Check.That(failed.IsFaulted && failed.Exception.InnerException is ArgumentNullException, "the task fails");
        }
    }
}
