using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Threading;
using System.Threading.Tasks;
using MCCache.Interop;

namespace MCCache
{
    /// <summary>With what a loaded value is put.</summary>
    internal readonly struct Filling
    {
        internal Filling(long ttlMs, IEnumerable<string> tags)
        {
            TtlMs = ttlMs;
            Tags = tags == null ? MCCache.Tags.None : MCCache.Tags.Pack(tags);
        }

        internal long TtlMs { get; }

        internal byte[] Tags { get; }
    }

    /// <summary>
    /// One call of GetOrLoad or GetOrLoadAsync: what it found, what it waits for, what it gives.
    /// <para>
    /// What is served, who loads and who waits for how long is decided in the core, by a policy. A loader runs in its
    /// caller's thread; if that is not to wait for its end, in another. Invariant: a lease that this call got is ended once,
    /// and before anybody is told of the load's end.
    /// </para>
    /// </summary>
    internal sealed class Loading<T>
    {
        // MCCACHE_CS_BUSY of swig/csharp.i: another loads, and there is nothing to serve. The others are mcc_load_state_t.
        private const int Busy = -1;
        private const int Refresh = 1;
        private const int Slow = 3;
        private const int Leased = 4;

        // MCC_LOAD_NOTE_.
        private const int NoteStale = 0;
        private const int NoteSlow = 1;
        private const int NoteTimedOut = 2;

        // Without a thread the lease is asked for, not waited for: loads take longer than this, mostly.
        private const int PauseMaxMs = 16;

        private readonly Cache cache;
        private readonly CacheKey key;
        private readonly Filling filling;
        private readonly long limitMs;
        private readonly LoadPolicy policy;
        private readonly CancellationToken cancel;

        private int state;
        private Lease lease;

        // What was found: to be served at once; or the expired value that is kept for the case that loading fails.
        private T live;
        private Value expired;

        // Of a load that has ended.
        private T loaded;
        private ExceptionDispatchInfo problem;
        private bool isFailure;

        internal Loading(Cache cache, CacheKey key, Filling filling, long limitMs, LoadPolicy policy, CancellationToken cancel)
        {
            this.cache = cache;
            this.key = key;
            this.filling = filling;
            this.limitMs = limitMs;
            this.policy = policy;
            this.cancel = cancel;
        }

        private bool IsWaiting
        {
            get { return state == Busy || state == Slow; }
        }

        // ---- For a thread that waits ----------------------------------------------------------------------------------

        internal T Run(Func<T> loader)
        {
            Begin(0);
            if (IsWaiting)
            {
                Wait();
            }
            if (lease == null)
            {
                return Served();
            }
            if (state == Refresh)
            {
                InBackground(() => EndRefresh(loader));
                return live;
            }
            long patienceMs = policy.PatienceMs(expired != null);
            if (patienceMs == Times.Forever)
            {
                Load(loader);
                return Outcome();
            }
            Task end = InBackground(() => Load(loader));
            return end.Wait(Clipped(patienceMs), cancel) ? Outcome() : Late(patienceMs);
        }

        // Until there is a value or a lease.
        private void Wait()
        {
            Stopwatch since = Stopwatch.StartNew();
            while (true)
            {
                cancel.ThrowIfCancellationRequested();
                // Where Thread.Interrupt is heard: a native call hears nothing.
                Thread.Sleep(0);
                if (IsOver(since.ElapsedMilliseconds))
                {
                    return;
                }
                Begin(Times.Slice(LongestMs, since));
                if (!IsWaiting)
                {
                    return;
                }
            }
        }

        private void EndRefresh(Func<T> loader)
        {
            Load(loader);
            TellRefresh();
        }

        private void Load(Func<T> loader)
        {
            T value;
            try
            {
                value = loader();
            }
            catch (Exception thrown)
            {
                // Here and not below: an abort of the thread goes on at the end of this block.
                Fail(thrown, cancel);
                return;
            }
            End(value);
        }

        private Task InBackground(Action load)
        {
            var end = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            try
            {
                new Thread(() =>
                {
                    load();
                    end.SetResult(true);
                })
                { IsBackground = true, Name = "mccache load of " + cache.Name }.Start();
            }
            catch
            {
                lease.Dispose();
                throw;
            }
            return end.Task;
        }

        // ---- For a task -----------------------------------------------------------------------------------------------

        internal async Task<T> RunAsync(Func<CancellationToken, Task<T>> loader)
        {
            cancel.ThrowIfCancellationRequested();
            Begin(0);
            if (IsWaiting)
            {
                await WaitAsync().ConfigureAwait(false);
            }
            if (lease == null)
            {
                return Served();
            }
            if (state == Refresh)
            {
                BeginRefresh(loader);
                return live;
            }
            long patienceMs = policy.PatienceMs(expired != null);
            if (patienceMs == Times.Forever)
            {
                await LoadAsync(loader, cancel).ConfigureAwait(false);
                return Outcome();
            }
            return await InTimeAsync(loader, patienceMs).ConfigureAwait(false) ? Outcome() : Late(patienceMs);
        }

        private async Task WaitAsync()
        {
            Stopwatch since = Stopwatch.StartNew();
            for (int pause = 1; !IsOver(since.ElapsedMilliseconds); pause = Math.Min(pause * 2, PauseMaxMs))
            {
                long leftMs = Math.Max(1, LongestMs - since.ElapsedMilliseconds);
                await Task.Delay((int)Math.Min(pause, leftMs), cancel).ConfigureAwait(false);
                Begin(0);
                if (!IsWaiting)
                {
                    return;
                }
            }
        }

        // Whether the load ended in time. What goes on after that does not hear the caller's token any more.
        private async Task<bool> InTimeAsync(Func<CancellationToken, Task<T>> loader, long patienceMs)
        {
            var asked = new CancellationTokenSource();
            using (cancel.Register(asked.Cancel))
            using (CancellationTokenSource timer = CancellationTokenSource.CreateLinkedTokenSource(cancel))
            {
                // Not in this thread: a loader may be slow before it first awaits.
                Task end = Task.Run(() => LoadAsync(loader, asked.Token));
                await Task.WhenAny(end, Task.Delay(Clipped(patienceMs), timer.Token)).ConfigureAwait(false);
                timer.Cancel();
                if (!end.IsCompleted && cancel.IsCancellationRequested)
                {
                    // The timer may hear of it first, and this is reached within that: then the loader has not heard yet.
                    asked.Cancel();
                    cancel.ThrowIfCancellationRequested();
                }
                return end.IsCompleted;
            }
        }

        // Whoever asked may be gone before it ends, and have cancelled their token.
        private void BeginRefresh(Func<CancellationToken, Task<T>> loader)
        {
            Task.Run(() => RefreshAsync(loader));
        }

        private async Task RefreshAsync(Func<CancellationToken, Task<T>> loader)
        {
            await LoadAsync(loader, CancellationToken.None).ConfigureAwait(false);
            TellRefresh();
        }

        private async Task LoadAsync(Func<CancellationToken, Task<T>> loader, CancellationToken asked)
        {
            T value;
            try
            {
                value = await loader(asked).ConfigureAwait(false);
            }
            catch (Exception thrown)
            {
                Fail(thrown, asked);
                return;
            }
            End(value);
        }

        // ---- The load -------------------------------------------------------------------------------------------------

        private void End(T value)
        {
            try
            {
                cache.Fill(lease, value, filling);
            }
            catch (Exception unfit)
            {
                Fail(unfit, CancellationToken.None);
                return;
            }
            loaded = value;
            lease.Dispose();
        }

        private void Fail(Exception thrown, CancellationToken asked)
        {
            problem = ExceptionDispatchInfo.Capture(thrown);
            isFailure = IsFailure(thrown, asked);
            if (isFailure)
            {
                lease.failed();
            }
            lease.Dispose();
        }

        // What is wrong with this process, or was asked for, is no failure of the database: no value is served in its place.
        // A cancellation that nobody asked for is: HttpClient tells its timeouts so.
        private static bool IsFailure(Exception thrown, CancellationToken asked)
        {
            return !(thrown is OutOfMemoryException)
                && !(thrown is ThreadInterruptedException)
                && !(thrown is ThreadAbortException)
                && !(thrown is OperationCanceledException && asked.IsCancellationRequested);
        }

        // Nobody waits for a refresh: what is no failure of the database is for whoever listens to the process.
        private void TellRefresh()
        {
            if (problem != null && !isFailure)
            {
                Trace.TraceError("MCCache: a refresh of the key '" + key + "' ended: " + problem.SourceException);
            }
        }

        // What was loaded; or the expired value, or what the loader threw.
        private T Outcome()
        {
            if (problem == null)
            {
                expired?.Dispose();
                return loaded;
            }
            if (expired == null || !isFailure)
            {
                problem.Throw();
            }
            cache.NoteLoad(key, NoteStale);
            return Served();
        }

        private T Late(long waitedMs)
        {
            cache.NoteLoad(key, expired != null ? NoteSlow : NoteTimedOut);
            if (expired == null)
            {
                throw Times.TimedOut(Times.Of(waitedMs), "the loader, which goes on, of the key '" + key + "'");
            }
            return Served();
        }

        private T Served()
        {
            return expired == null ? live : ValueCodec.To<T>(cache.Take(expired));
        }

        // ---- What there is --------------------------------------------------------------------------------------------

        private void Begin(long waitMs)
        {
            expired?.Dispose();
            expired = null;
            state = cache.BeginLoad(key, policy, waitMs, out Found found);
            lease = found.Lease == IntPtr.Zero ? null : new Lease(found.Lease, true);
            if (IsWaiting || state == Leased)
            {
                expired = found.Value == IntPtr.Zero ? null : new Value(found.Value, true);
                return;
            }
            try
            {
                live = ValueCodec.To<T>(cache.ValueOf(ref found));
            }
            catch
            {
                lease?.Dispose();
                throw;
            }
        }

        private long LongestMs
        {
            get { return Math.Min(limitMs, policy.PatienceMs(state == Slow)); }
        }

        // Whether to wait no longer for another's load, having found this; throws if there is nothing to serve then.
        private bool IsOver(long waitedMs)
        {
            long patienceMs = policy.PatienceMs(state == Slow), longestMs = LongestMs;
            if (waitedMs < longestMs)
            {
                return false;
            }
            if (state == Slow)
            {
                cache.NoteLoad(key, NoteSlow);
                return true;
            }
            if (patienceMs <= limitMs && patienceMs != Times.Forever)
            {
                cache.NoteLoad(key, NoteTimedOut);
            }
            throw Times.TimedOut(Times.Of(longestMs), "another caller to load the key '" + key + "'");
        }

        // A timer of .NET's takes no more.
        private static int Clipped(long ms)
        {
            return (int)Math.Min(int.MaxValue, ms);
        }
    }
}
