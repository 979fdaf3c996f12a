// What the package Microsoft.Extensions.Caching.Abstractions declares, as far as the adapter uses it: without NuGet the
// adapter is compiled against this. Signatures are the package's.

using System;
using System.Threading;
using System.Threading.Tasks;

namespace Microsoft.Extensions.Caching.Distributed
{
    public interface IDistributedCache
    {
        byte[] Get(string key);

        Task<byte[]> GetAsync(string key, CancellationToken token = default(CancellationToken));

        void Set(string key, byte[] value, DistributedCacheEntryOptions options);

        Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options,
                      CancellationToken token = default(CancellationToken));

        void Refresh(string key);

        Task RefreshAsync(string key, CancellationToken token = default(CancellationToken));

        void Remove(string key);

        Task RemoveAsync(string key, CancellationToken token = default(CancellationToken));
    }

    public class DistributedCacheEntryOptions
    {
        public DateTimeOffset? AbsoluteExpiration { get; set; }

        public TimeSpan? AbsoluteExpirationRelativeToNow { get; set; }

        public TimeSpan? SlidingExpiration { get; set; }
    }
}
