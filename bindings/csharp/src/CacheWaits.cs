using System;
using System.Collections.Generic;
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
        private readonly LoadPolicy loads;
        private EventHandler<CacheEvent> changed, degraded, overflowed;

        /// <summary>As <see cref="Sync"/>, without keeping the caller's thread.</summary>
        public Task SyncAsync(TimeSpan? timeout = null, CancellationToken cancel = default(CancellationToken))
        {
            return Times.InSlicesAsync(ms => native.sync(ms), timeout ?? Times.Sync, cancel, SyncWhat);
        }

        /// <summary>As <see cref="SyncToken"/>, without keeping the caller's thread.</summary>
        public Task SyncTokenAsync(WriteToken token, TimeSpan? timeout = null, int? members = null,
                                   CancellationToken cancel = default(CancellationToken))
        {
            return Times.InSlicesAsync(Applied(token, members), timeout ?? Times.Sync, cancel, AppliedWhat(members));
        }

        /// <summary>
        /// Gets a value, or loads and puts it. One caller of this process loads a key at a time, outside all locks; the
        /// others wait for what it puts. A write or a delete of the key that comes meanwhile, from any member, wins: then
        /// what was loaded is returned, and not put.
        /// <para>
        /// The settings <c>fail_safe</c>, <c>load_soft_timeout</c>, <c>load_hard_timeout</c> and <c>eager_refresh</c>, of the
        /// cache or of a policy, say more: an expired value in place of what the loader throws or takes too long for, a
        /// <see cref="MCCacheTimeoutException"/> where there is none, a load before the value expires. A loader that is not
        /// waited for to its end runs in a background thread, and fills the cache when it is done.
        /// </para>
        /// </summary>
        /// <param name="key">The key.</param>
        /// <param name="loader">Makes the value. What it throws passes through, unless an expired value is given instead, and
        /// the next who waits loads. No value stands in for OutOfMemoryException, ThreadInterruptedException, or a
        /// cancellation that the token asked for.</param>
        /// <param name="ttl">As for <see cref="Put"/>.</param>
        /// <param name="timeout">Longest wait for another's load; 30 seconds if null. A loader that asks for its own key
        /// waits for itself, until then.</param>
        /// <param name="policy">Of <see cref="CreateLoadPolicy"/>; the cache's settings if null.</param>
        /// <param name="tags">What is loaded is put with them, as by <see cref="PutTagged"/>; not if one of them is invalidated
        /// meanwhile. None if null.</param>
        /// <param name="cancel">Ends the wait, also that for a loader in the background, which goes on.</param>
        /// <exception cref="MCCacheTimeoutException">The load took too long.</exception>
        /// <exception cref="MCCacheArgumentException">The tags cannot be, or what was loaded cannot be put.</exception>
        /// <exception cref="InvalidCastException">There is a value, and it is not of this type.</exception>
        public T GetOrLoad<T>(CacheKey key, Func<T> loader, TimeSpan? ttl = null, TimeSpan? timeout = null,
                              LoadPolicy policy = null, IEnumerable<string> tags = null,
                              CancellationToken cancel = default(CancellationToken))
        {
            if (loader == null)
            {
                throw new ArgumentNullException(nameof(loader));
            }
            // Wrong times and tags are told whether or not somebody else loads.
            var filling = new Filling(Times.Ttl(ttl), tags);
            return new Loading<T>(this, key, filling, Times.Wait(timeout ?? Times.Load), policy ?? loads, cancel).Run(loader);
        }

        /// <summary>
        /// As <see cref="GetOrLoad{T}"/>, without keeping a thread while it waits or loads. A value that is there is
        /// returned at once.
        /// </summary>
        /// <param name="key">The key.</param>
        /// <param name="loader">Makes the value. Its token is cancelled with the caller's, for as long as the caller waits for
        /// it: a load that goes on in the background is not. If it may have to, it is begun in the pool of threads.</param>
        /// <param name="ttl">As for <see cref="Put"/>.</param>
        /// <param name="timeout">Longest wait for another's load; 30 seconds if null.</param>
        /// <param name="policy">Of <see cref="CreateLoadPolicy"/>; the cache's settings if null.</param>
        /// <param name="tags">As for <see cref="GetOrLoad{T}"/>.</param>
        /// <param name="cancel">Ends the wait, and asks the loader to end if it is waited for.</param>
        public Task<T> GetOrLoadAsync<T>(CacheKey key, Func<CancellationToken, Task<T>> loader, TimeSpan? ttl = null,
                                         TimeSpan? timeout = null, LoadPolicy policy = null,
                                         IEnumerable<string> tags = null,
                                         CancellationToken cancel = default(CancellationToken))
        {
            if (loader == null)
            {
                throw new ArgumentNullException(nameof(loader));
            }
            var filling = new Filling(Times.Ttl(ttl), tags);
            return new Loading<T>(this, key, filling, Times.Wait(timeout ?? Times.Load), policy ?? loads, cancel)
                .RunAsync(loader);
        }

        /// <summary>
        /// How values are loaded where that is not to be as the cache's settings say, for single calls of
        /// <see cref="GetOrLoad{T}"/> and <see cref="GetOrLoadAsync{T}"/>. To be made once and used often.
        /// </summary>
        /// <param name="settings">Some of <c>eager_refresh</c>, <c>fail_safe</c>, <c>fail_safe_throttle</c>,
        /// <c>load_soft_timeout</c> and <c>load_hard_timeout</c>; the others are the cache's.</param>
        /// <exception cref="MCCacheConfigException">Another setting, or one that is out of range.</exception>
        public LoadPolicy CreateLoadPolicy(Settings settings)
        {
            if (settings == null)
            {
                throw new ArgumentNullException(nameof(settings));
            }
            using (Config config = settings.ForCache())
            {
                return new LoadPolicy(native, config);
            }
        }

        /// <summary>Opens a queue of what happens in this cache from now on.</summary>
        public EventQueue OpenEvents()
        {
            return new EventQueue(native.events());
        }

        /// <summary>
        /// Opens a queue of what changes what this process has read: puts, removals, evictions and expiries of a key within a
        /// time after its value was last read here, by whichever member, this one too; and clears and tags invalidated, if
        /// anything was read within that time. From the first call on each read notes its key. A change that comes at the
        /// instant of a read may be told although the read has seen it.
        /// </summary>
        /// <param name="window">The time, above zero; null is the node's setting <c>callback_win</c>, five seconds.</param>
        public EventQueue OpenEventsOfLookups(TimeSpan? window = null)
        {
            return new EventQueue(native.events_of_lookups(Times.Ttl(window)));
        }

        /// <summary>
        /// An entry was put, deleted, evicted or expired, the cache was cleared or a tag invalidated, here or on another member.
        /// Listeners run on a thread of the cache's own, one after another; a listener may close the cache. The cache is kept, and the
        /// thread runs, until the last listener is removed or the cache is closed.
        /// </summary>
        public event EventHandler<CacheEvent> Changed
        {
            add { Listen(ref changed, value, true); }
            remove { Listen(ref changed, value, false); }
        }

        /// <summary>
        /// A loader of <see cref="GetOrLoad{T}"/> or <see cref="GetOrLoadAsync{T}"/> failed or took too long, or an expired value
        /// was given in place of a loaded one: the event's kind says which. Of this process alone. Threads as
        /// <see cref="Changed"/>.
        /// </summary>
        public event EventHandler<CacheEvent> LoadDegraded
        {
            add { Listen(ref degraded, value, true); }
            remove { Listen(ref degraded, value, false); }
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
                if (changed == null && degraded == null && overflowed == null)
                {
                    dispatcher.Stop();
                }
            }
        }

        private void Raise(CacheEvent what)
        {
            EventHandler<CacheEvent> listeners = what.Kind == EventKind.Overflow ? overflowed
                : what.IsOfContents ? changed : what.IsOfLoads ? degraded : null;
            Listeners.Tell(listeners, this, what, ListenerFailed);
        }

        /// <summary>What a load begins with, for Loading.</summary>
        internal unsafe int BeginLoad(CacheKey key, LoadPolicy policy, long waitMs, out Found found)
        {
            fixed (byte* data = KeyBytes(key, out int length))
            {
                Found answer;
                int state = native.begin_load(policy.Native, new Bytes(data, length), waitMs, &answer);
                found = answer;
                return state;
            }
        }

        /// <summary>Tells that a load did not go as it should: it is counted, and an event.</summary>
        internal unsafe void NoteLoad(CacheKey key, int note)
        {
            fixed (byte* data = KeyBytes(key, out int length))
            {
                native.note_load(new Bytes(data, length), note);
            }
        }

        /// <summary>Ends a lease with what was loaded. If it was overtaken by another's write, that stays.</summary>
        internal unsafe void Fill(Lease lease, object value, Filling with)
        {
            Scratch scratch = Scratch.Take();
            try
            {
                Encoded encoded = ValueCodec.Encode(value, nativeSerialization, scratch);
                fixed (byte* data = encoded.Array, tags = with.Tags)
                {
                    lease.fill(new Bytes(data + encoded.Offset, encoded.Count), encoded.Codec, with.TtlMs,
                               new Bytes(tags, with.Tags.Length));
                }
            }
            finally
            {
                scratch.Return();
            }
        }
    }
}
