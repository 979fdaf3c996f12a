using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;

namespace MCCache
{
    /// <summary>Times and waiting. In .NET times are TimeSpans; in C they are milliseconds.</summary>
    internal static class Times
    {
        internal const long Forever = long.MaxValue;

        /// <summary>
        /// Longest stay inside one waiting native call. Thread.Interrupt and cancellation are heard between two.
        /// </summary>
        internal const long SliceMs = 100;

        internal static readonly TimeSpan Sync = TimeSpan.FromSeconds(5);
        internal static readonly TimeSpan Answer = TimeSpan.FromSeconds(2);
        internal static readonly TimeSpan Load = TimeSpan.FromSeconds(30);

        /// <summary>A time to live for C: null is the cache's own setting (0), infinite is without end.</summary>
        internal static long Ttl(TimeSpan? ttl)
        {
            if (ttl == null)
            {
                return 0;
            }
            if (ttl == Timeout.InfiniteTimeSpan || ttl == TimeSpan.MaxValue)
            {
                return Forever;
            }
            if (ttl <= TimeSpan.Zero)
            {
                throw new ArgumentOutOfRangeException("ttl", ttl, "a time to live must be above zero; null is the "
                    + "cache's own, Timeout.InfiniteTimeSpan is without end");
            }
            return Milliseconds(ttl.Value);
        }

        /// <summary>A timeout for C: infinite waits without end.</summary>
        internal static long Wait(TimeSpan timeout)
        {
            if (timeout == Timeout.InfiniteTimeSpan || timeout == TimeSpan.MaxValue)
            {
                return Forever;
            }
            if (timeout < TimeSpan.Zero)
            {
                throw new ArgumentOutOfRangeException("timeout", timeout, "a timeout cannot be negative; zero does not "
                    + "wait, Timeout.InfiniteTimeSpan waits without end");
            }
            return Milliseconds(timeout);
        }

        /// <summary>What is left of a timeout, for one slice.</summary>
        internal static long Slice(long totalMs, Stopwatch since)
        {
            return Math.Max(0, Math.Min(SliceMs, totalMs - since.ElapsedMilliseconds));
        }

        /// <summary>
        /// Repeats a call that waits for the given milliseconds, and can be broken off and begun again, until it
        /// answers true.
        /// </summary>
        internal static bool InSlices(Func<long, bool> call, TimeSpan timeout, CancellationToken cancel)
        {
            long total = Wait(timeout);
            Stopwatch since = Stopwatch.StartNew();
            while (!call(Slice(total, since)))
            {
                cancel.ThrowIfCancellationRequested();
                if (since.ElapsedMilliseconds >= total)
                {
                    return false;
                }
                // Where Thread.Interrupt is heard: a native call hears nothing.
                Thread.Sleep(0);
            }
            return true;
        }

        /// <summary>
        /// As InSlices, on a thread of its own: a wait of seconds would keep one of the pool's from its work. What is
        /// true already does not start one.
        /// </summary>
        internal static Task<bool> HappensAsync(Func<long, bool> call, TimeSpan timeout, CancellationToken cancel)
        {
            Wait(timeout);
            if (cancel.IsCancellationRequested)
            {
                return Task.FromCanceled<bool>(cancel);
            }
            if (call(0))
            {
                return Task.FromResult(true);
            }
            return Task.Factory.StartNew(() => InSlices(call, timeout, cancel), cancel, TaskCreationOptions.LongRunning,
                                         TaskScheduler.Default);
        }

        /// <summary>As HappensAsync; that it does not happen in time is an exception.</summary>
        internal static Task InSlicesAsync(Func<long, bool> call, TimeSpan timeout, CancellationToken cancel, string what)
        {
            // Not in the asynchronous method: what cannot be waited for is told at once.
            return InTime(HappensAsync(call, timeout, cancel), timeout, what);
        }

        /// <summary>What was taken when it happened, or not in time.</summary>
        internal static async Task<T> Then<T>(T[] taken, Task<bool> happens)
        {
            await happens.ConfigureAwait(false);
            return taken[0];
        }

        private static async Task InTime(Task<bool> happens, TimeSpan timeout, string what)
        {
            if (!await happens.ConfigureAwait(false))
            {
                throw TimedOut(timeout, what);
            }
        }

        internal static Exception TimedOut(TimeSpan timeout, string what)
        {
            return new MCCacheTimeoutException("timed out after " + Wait(timeout) + " ms: " + what);
        }

        /// <summary>Milliseconds of C. Another language may say longer ones than a TimeSpan holds.</summary>
        internal static TimeSpan Of(long milliseconds)
        {
            const long Longest = long.MaxValue / TimeSpan.TicksPerMillisecond;
            return milliseconds > Longest
                ? TimeSpan.MaxValue
                : TimeSpan.FromTicks(Math.Max(milliseconds, -Longest) * TimeSpan.TicksPerMillisecond);
        }

        // Rounds up, so that no time above zero becomes none.
        private static long Milliseconds(TimeSpan time)
        {
            long whole = time.Ticks / TimeSpan.TicksPerMillisecond;
            return time.Ticks % TimeSpan.TicksPerMillisecond == 0 ? whole : whole + 1;
        }
    }
}
