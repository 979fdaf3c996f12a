using System;
using System.Diagnostics;
using System.Globalization;
using System.Threading;
using MCCache.Interop;

namespace MCCache
{
    /// <summary>How grave a record of the log is.</summary>
    public enum LogLevel
    {
        /// <summary>Something does not work.</summary>
        Error = 1,

        /// <summary>Something is not as it should be, and somebody may have to act.</summary>
        Warning = 2,

        /// <summary>What happens now and then: members come and go.</summary>
        Info = 3,

        /// <summary>For whoever looks for a fault.</summary>
        Debug = 4,

        /// <summary>Every packet.</summary>
        Trace = 5,
    }

    /// <summary>One line of the core's log.</summary>
    public sealed class LogRecord : EventArgs
    {
        internal LogRecord(ref RawLogRecord raw)
        {
            Level = (LogLevel)raw.Level;
            Time = DateTimeOffset.FromUnixTimeMilliseconds(raw.TimeMs);
            Target = Interop.Text.OfNative(raw.Target);
            Message = Interop.Text.OfNative(raw.Message);
            Dropped = raw.Dropped;
        }

        /// <summary>How grave it is.</summary>
        public LogLevel Level { get; }

        /// <summary>When it was said.</summary>
        public DateTimeOffset Time { get; }

        /// <summary>The part of the core that says it, such as "mccache::node".</summary>
        public string Target { get; }

        /// <summary>What it says.</summary>
        public string Message { get; }

        /// <summary>How many records before this one were dropped, because listeners were slow.</summary>
        public long Dropped { get; }

        /// <inheritdoc/>
        public override string ToString()
        {
            return Time.ToString("o", CultureInfo.InvariantCulture) + " " + Level + " " + Target + ": " + Message;
        }
    }

    /// <summary>
    /// What the core logs in this process, of all nodes: for a program that has a log of its own. It stands beside the setting
    /// <c>log_filename</c>, which needs no code. Listeners run on one thread, which the first of them starts and the last one
    /// ends; they may use caches, and hold up nobody. What a listener throws is told to System.Diagnostics.Trace.
    /// </summary>
    public static class Log
    {
        // How long the end waits for listeners that are slow.
        private const int EndWaitMaxMs = 1000;

        private static readonly object Gate = new object();
        private static EventHandler<LogRecord> written;
        private static LogLevel level = LogLevel.Info;
        private static Logs queue;
        private static Thread thread;

        /// <summary>The least grave records to be told, Info unless set; may be changed at any time.</summary>
        /// <exception cref="ArgumentOutOfRangeException">There is no such level.</exception>
        public static LogLevel Level
        {
            get
            {
                lock (Gate)
                {
                    return level;
                }
            }

            set
            {
                if (value < LogLevel.Error || value > LogLevel.Trace)
                {
                    throw new ArgumentOutOfRangeException(nameof(value), value, "a level is Error to Trace");
                }
                lock (Gate)
                {
                    queue?.set_level((int)value);
                    level = value;
                }
            }
        }

        /// <summary>
        /// The core said something. To be listened to before a node is opened, whose first words are told then. To remove the
        /// last listener waits until it was told what was said before, for a second at most.
        /// </summary>
        public static event EventHandler<LogRecord> Written
        {
            add
            {
                if (value != null)
                {
                    Library.Load();
                    Add(value);
                }
            }

            remove
            {
                if (value != null)
                {
                    Remove(value);
                }
            }
        }

        /// <summary>At the end of the process, after the nodes' goodbyes: hands on what is queued.</summary>
        internal static void End()
        {
            Logs ended;
            Thread last;
            lock (Gate)
            {
                TakeRun(out ended, out last);
            }
            Finish(ended, last);
        }

        private static void Add(EventHandler<LogRecord> listener)
        {
            lock (Gate)
            {
                if (queue == null)
                {
                    var own = new Logs((int)level);
                    var next = new Thread(() => Run(own)) { IsBackground = true, Name = "mccache log" };
                    // The thread takes its first record after the lock, and finds the listener.
                    next.Start();
                    queue = own;
                    thread = next;
                }
                written += listener;
            }
        }

        private static void Remove(EventHandler<LogRecord> listener)
        {
            Logs ended = null;
            Thread last = null;
            lock (Gate)
            {
                if (written != null && written - listener == null)
                {
                    TakeRun(out ended, out last);
                }
            }
            // Not under the lock: listeners may add and remove others, and set the level.
            Finish(ended, last);
            lock (Gate)
            {
                written -= listener;
            }
        }

        private static void TakeRun(out Logs ended, out Thread last)
        {
            ended = queue;
            last = thread;
            queue = null;
            thread = null;
        }

        private static void Finish(Logs ended, Thread last)
        {
            if (ended == null)
            {
                return;
            }
            ended.close();
            if (last != Thread.CurrentThread)
            {
                last.Join(EndWaitMaxMs);
            }
        }

        private static unsafe void Run(Logs own)
        {
            try
            {
                while (true)
                {
                    RawLogRecord raw;
                    if (own.next(Times.Forever, &raw))
                    {
                        Tell(new LogRecord(ref raw));
                    }
                }
            }
            catch (MCCacheClosedException)
            {
                // And empty.
            }
        }

        private static void Tell(LogRecord record)
        {
            EventHandler<LogRecord> listeners;
            lock (Gate)
            {
                listeners = written;
            }
            if (listeners == null)
            {
                return;
            }
            foreach (EventHandler<LogRecord> listener in listeners.GetInvocationList())
            {
                try
                {
                    listener(null, record);
                }
                catch (Exception failure)
                {
                    Trace.TraceError("MCCache: a listener of the log failed: " + failure);
                }
            }
        }
    }
}
