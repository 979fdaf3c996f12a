using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using MCCache.Interop;

namespace MCCache
{
    /// <summary>
    /// Events since it was opened, for those who want to take them themselves. It is bounded: who does not keep up gets
    /// one <see cref="EventKind.Overflow"/> that tells how many were dropped. For any threads; each event goes to one.
    /// </summary>
    public sealed unsafe class EventQueue : IDisposable
    {
        private readonly Events native;
        private readonly object turn = new object();

        internal EventQueue(Events native)
        {
            this.native = native;
        }

        /// <summary>Takes the next event, or waits for one.</summary>
        /// <param name="timeout">Longest wait; Timeout.InfiniteTimeSpan waits without end.</param>
        /// <param name="next">The event, or null if none came in time.</param>
        /// <param name="cancel">Ends the wait.</param>
        /// <exception cref="MCCacheClosedException">Queue, cache or node is closed, and no event is left.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public bool TryTake(TimeSpan timeout, out CacheEvent next, CancellationToken cancel = default(CancellationToken))
        {
            CacheEvent taken = null;
            Times.InSlices(ms => (taken = Poll(ms)) != null, timeout, cancel);
            next = taken;
            return taken != null;
        }

        /// <summary>As <see cref="TryTake"/>, without keeping the caller's thread.</summary>
        /// <param name="timeout">Longest wait; without end if null.</param>
        /// <param name="cancel">Ends the wait.</param>
        /// <returns>The event, or null if none came in time.</returns>
        /// <exception cref="MCCacheClosedException">Queue, cache or node is closed, and no event is left.</exception>
        public Task<CacheEvent> TakeAsync(TimeSpan? timeout = null, CancellationToken cancel = default(CancellationToken))
        {
            var taken = new CacheEvent[1];
            return Times.Then(taken, Times.HappensAsync(
                ms => (taken[0] = Poll(ms)) != null, timeout ?? Timeout.InfiniteTimeSpan, cancel));
        }

        /// <summary>
        /// Takes events as they come, waits for them, and ends when queue, cache or node is closed.
        /// </summary>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public IEnumerable<CacheEvent> TakeAll(CancellationToken cancel = default(CancellationToken))
        {
            while (NextUntilClosed(cancel, out CacheEvent next))
            {
                yield return next;
            }
        }

        /// <summary>Ends the queue, for a thread that waits in it too. Doing it again does nothing.</summary>
        public void Dispose()
        {
            native.close();
        }

        private bool NextUntilClosed(CancellationToken cancel, out CacheEvent next)
        {
            try
            {
                return TryTake(Timeout.InfiniteTimeSpan, out next, cancel);
            }
            catch (MCCacheClosedException)
            {
                next = null;
                return false;
            }
        }

        /// <summary>
        /// Waits once. Null if none came in time, or after Wake, or if another thread waited for one all the time.
        /// </summary>
        internal CacheEvent Poll(long milliseconds)
        {
            // One at a time: what an event points to is valid until the next call.
            if (!Monitor.TryEnter(turn, milliseconds > int.MaxValue ? Timeout.Infinite : (int)milliseconds))
            {
                return null;
            }
            try
            {
                RawEvent raw;
                return native.next(milliseconds, &raw) ? new CacheEvent(ref raw) : null;
            }
            finally
            {
                Monitor.Exit(turn);
            }
        }
    }

    /// <summary>
    /// Raises the events of one source on a thread of its own, which the first listener starts and the last one ends.
    /// A listener that throws does not end the thread: what it threw goes to ListenerFailed, or to Trace.
    /// </summary>
    internal sealed class Dispatcher
    {
        private readonly Func<EventQueue> open;
        private readonly Action<CacheEvent> raise;
        private readonly string name;
        private EventQueue queue;

        internal Dispatcher(string name, Func<EventQueue> open, Action<CacheEvent> raise)
        {
            this.name = name;
            this.open = open;
            this.raise = raise;
        }

        /// <summary>Starts the thread if it does not run. Called with the owner's lock.</summary>
        internal void Start()
        {
            if (queue != null)
            {
                return;
            }
            EventQueue own = open();
            queue = own;
            new Thread(() => Run(own)) { IsBackground = true, Name = name }.Start();
        }

        /// <summary>Ends the thread after what it does now. Does not wait for it: it may be the caller's.</summary>
        internal void Stop()
        {
            EventQueue own = queue;
            queue = null;
            own?.Dispose();
        }

        private void Run(EventQueue own)
        {
            try
            {
                while (true)
                {
                    CacheEvent next = own.Poll(Times.Forever);
                    if (next != null)
                    {
                        raise(next);
                    }
                }
            }
            catch (MCCacheClosedException)
            {
                // How it ends.
            }
            catch (Exception failure)
            {
                Trace.TraceError("MCCache: " + name + " ended: " + failure);
            }
        }
    }

    /// <summary>What a listener threw.</summary>
    public sealed class ListenerFailedEventArgs : EventArgs
    {
        internal ListenerFailedEventArgs(Exception exception, CacheEvent cause)
        {
            Exception = exception;
            Cause = cause;
        }

        /// <summary>The exception.</summary>
        public Exception Exception { get; }

        /// <summary>The event that was told.</summary>
        public CacheEvent Cause { get; }
    }

    internal static class Listeners
    {
        /// <summary>Tells each listener, whatever the others throw.</summary>
        internal static void Tell(EventHandler<CacheEvent> listeners, object sender, CacheEvent what,
                                  EventHandler<ListenerFailedEventArgs> failed)
        {
            if (listeners == null)
            {
                return;
            }
            foreach (EventHandler<CacheEvent> listener in listeners.GetInvocationList())
            {
                try
                {
                    listener(sender, what);
                }
                catch (Exception failure)
                {
                    Report(sender, failure, what, failed);
                }
            }
        }

        private static void Report(object sender, Exception failure, CacheEvent what,
                                   EventHandler<ListenerFailedEventArgs> failed)
        {
            try
            {
                if (failed == null)
                {
                    Trace.TraceError("MCCache: a listener failed: " + failure);
                    return;
                }
                failed(sender, new ListenerFailedEventArgs(failure, what));
            }
            catch (Exception second)
            {
                Trace.TraceError("MCCache: a listener of ListenerFailed failed: " + second);
            }
        }
    }
}
