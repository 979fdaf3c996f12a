using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using MCCache.Interop;

namespace MCCache
{
    // What waits: for members, for who loads, and for events.
    public sealed partial class Cache
    {
        private readonly object gate = new object();
        private readonly Dispatcher dispatcher;
        private EventHandler<CacheEvent> changed, overflowed;

        /// <summary>As <see cref="Sync"/>, without keeping the caller's thread.</summary>
        public Task SyncAsync(TimeSpan? timeout = null, CancellationToken cancel = default(CancellationToken))
        {
            return Times.InSlicesAsync(ms => native.sync(ms), timeout ?? Times.Sync, cancel, SyncWhat);
        }

        /// <summary>
        /// Gets a value, or loads and puts it. One caller of this process loads a key at a time, outside all locks; the
        /// others wait for what it puts. A write or a delete of the key that comes meanwhile, from any member, wins: then
        /// what was loaded is returned, and not put.
        /// </summary>
        /// <param name="key">The key.</param>
        /// <param name="loader">Makes the value. What it throws passes through, and the next who waits loads.</param>
        /// <param name="ttl">As for <see cref="Put"/>.</param>
        /// <param name="timeout">Longest wait for another's load; 30 seconds if null. A loader that asks for its own key
        /// waits for itself, until then.</param>
        /// <param name="cancel">Ends the wait.</param>
        /// <exception cref="MCCacheTimeoutException">Another took too long to load.</exception>
        /// <exception cref="InvalidCastException">There is a value, and it is not of this type.</exception>
        public T GetOrLoad<T>(CacheKey key, Func<T> loader, TimeSpan? ttl = null, TimeSpan? timeout = null,
                              CancellationToken cancel = default(CancellationToken))
        {
            if (loader == null)
            {
                throw new ArgumentNullException(nameof(loader));
            }
            long ttlMs = Times.Ttl(ttl);
            TimeSpan limit = timeout ?? Times.Load;
            // A wrong one is told whether or not somebody else loads.
            Times.Wait(limit);
            if (!TryGetOrLease(key, 0, out object found, out Lease lease))
            {
                WaitForLease(key, limit, cancel, out found, out lease);
            }
            if (lease == null)
            {
                return ValueCodec.To<T>(found);
            }
            // Disposing of it ends it, if nothing else did.
            using (lease)
            {
                T loaded = loader();
                Fill(lease, loaded, ttlMs);
                return loaded;
            }
        }

        /// <summary>
        /// As <see cref="GetOrLoad{T}"/>, without keeping a thread while it waits or loads. A value that is there is
        /// returned at once.
        /// </summary>
        public async Task<T> GetOrLoadAsync<T>(CacheKey key, Func<CancellationToken, Task<T>> loader, TimeSpan? ttl = null,
                                               TimeSpan? timeout = null,
                                               CancellationToken cancel = default(CancellationToken))
        {
            if (loader == null)
            {
                throw new ArgumentNullException(nameof(loader));
            }
            long ttlMs = Times.Ttl(ttl), limit = Times.Wait(timeout ?? Times.Load);
            cancel.ThrowIfCancellationRequested();
            Stopwatch since = Stopwatch.StartNew();
            object found;
            Lease lease;
            for (int pause = 1; !TryGetOrLease(key, 0, out found, out lease); pause = Math.Min(pause * 2, PauseMaxMs))
            {
                if (since.ElapsedMilliseconds >= limit)
                {
                    throw Times.TimedOut(timeout ?? Times.Load, "another caller to load the key '" + key + "'");
                }
                await Task.Delay(pause, cancel).ConfigureAwait(false);
            }
            if (lease == null)
            {
                return ValueCodec.To<T>(found);
            }
            using (lease)
            {
                T loaded = await loader(cancel).ConfigureAwait(false);
                Fill(lease, loaded, ttlMs);
                return loaded;
            }
        }

        // The lease is asked for, not waited for: loads take longer than this, mostly, and a thread would cost more.
        private const int PauseMaxMs = 16;

        /// <summary>Opens a queue of what happens in this cache from now on.</summary>
        public EventQueue OpenEvents()
        {
            return new EventQueue(native.events());
        }

        /// <summary>
        /// An entry was put, deleted, evicted or expired, or the cache was cleared, here or on another member. Listeners run
        /// on a thread of the cache's own, one after another; a listener may close the cache. The cache is kept, and the
        /// thread runs, until the last listener is removed or the cache is closed.
        /// </summary>
        public event EventHandler<CacheEvent> Changed
        {
            add { Listen(ref changed, value, true); }
            remove { Listen(ref changed, value, false); }
        }

        /// <summary>Events came faster than listeners took them, and some were dropped. Threads as <see cref="Changed"/>.</summary>
        public event EventHandler<CacheEvent> Overflowed
        {
            add { Listen(ref overflowed, value, true); }
            remove { Listen(ref overflowed, value, false); }
        }

        /// <summary>A listener threw. Without a listener of this, System.Diagnostics.Trace is told.</summary>
        public event EventHandler<ListenerFailedEventArgs> ListenerFailed;

        private void Listen(ref EventHandler<CacheEvent> listeners, EventHandler<CacheEvent> listener, bool more)
        {
            // None is no listener, as with every event of .NET: no thread is started for it.
            if (listener == null)
            {
                return;
            }
            lock (gate)
            {
                if (more)
                {
                    dispatcher.Start();
                    listeners += listener;
                    return;
                }
                listeners -= listener;
                if (changed == null && overflowed == null)
                {
                    dispatcher.Stop();
                }
            }
        }

        private void Raise(CacheEvent what)
        {
            EventHandler<CacheEvent> listeners =
                what.Kind == EventKind.Overflow ? overflowed : what.Kind <= EventKind.Expire ? changed : null;
            Listeners.Tell(listeners, this, what, ListenerFailed);
        }

        private void WaitForLease(CacheKey key, TimeSpan timeout, CancellationToken cancel, out object value, out Lease lease)
        {
            object found = null;
            Lease given = null;
            if (!Times.InSlices(ms => TryGetOrLease(key, ms, out found, out given), timeout, cancel))
            {
                throw Times.TimedOut(timeout, "another caller to load the key '" + key + "'");
            }
            value = found;
            lease = given;
        }

        // False: another was loading for all that time.
        private unsafe bool TryGetOrLease(CacheKey key, long waitMs, out object value, out Lease lease)
        {
            fixed (byte* data = KeyBytes(key, out int length))
            {
                Found found;
                bool ended = native.lookup_or_lease(new Bytes(data, length), waitMs, &found);
                lease = ended && found.Lease != IntPtr.Zero ? new Lease(found.Lease, true) : null;
                value = ended && lease == null ? ValueOf(ref found) : null;
                return ended;
            }
        }

        private unsafe void Fill(Lease lease, object value, long ttlMs)
        {
            Scratch scratch = Scratch.Take();
            try
            {
                Encoded encoded = ValueCodec.Encode(value, nativeSerialization, scratch);
                fixed (byte* data = encoded.Array)
                {
                    lease.fill(new Bytes(data + encoded.Offset, encoded.Count), encoded.Codec, ttlMs);
                }
            }
            finally
            {
                scratch.Return();
            }
        }
    }
}
