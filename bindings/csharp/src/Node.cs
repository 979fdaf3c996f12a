using System;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using MCCache.Interop;

namespace MCCache
{
    /// <summary>
    /// A member of a cluster that runs in this process. Most programs need none of their own: <see cref="Cache.Open"/>
    /// uses the process's. May be used from any threads. <see cref="Dispose"/> says goodbye and closes its caches, and so
    /// does the end of the process.
    /// </summary>
    public sealed unsafe class Node : IDisposable
    {
        private static readonly object Registry = new object();
        private static readonly List<WeakReference<Node>> Known = new List<WeakReference<Node>>();
        private static Node own;

        private readonly Interop.Node native;
        private readonly object gate = new object();
        private readonly Dispatcher dispatcher;
        private EventHandler<CacheEvent> changed, degraded, joined, left, failed, overflowed;
        private volatile bool closed;

        /// <summary>
        /// Starts a node with the settings given, over those of the environment, over those of the file. Null: those
        /// two alone.
        /// </summary>
        /// <exception cref="MCCacheConfigException">A setting is wrong; the message says where and what is accepted.</exception>
        /// <exception cref="MCCacheNetworkException">The network could not be set up.</exception>
        /// <exception cref="MCCacheLibraryException">The native library cannot be loaded.</exception>
        public Node(Settings settings = null) : this(Open(settings)) { }

        private Node(Interop.Node native)
        {
            this.native = native;
            dispatcher = new Dispatcher("mccache events", OpenEvents, Raise);
            Register(this);
        }

        /// <summary>The process's own node, which the first use starts with the settings of file and environment.</summary>
        /// <exception cref="MCCacheConfigException">A setting is wrong; the message says where and what is accepted.</exception>
        /// <exception cref="MCCacheNetworkException">The network could not be set up.</exception>
        /// <exception cref="MCCacheLibraryException">The native library cannot be loaded.</exception>
        public static Node Own()
        {
            Library.Load();
            lock (Registry)
            {
                if (own == null || own.closed)
                {
                    own = new Node(Interop.Node.own());
                }
                return own;
            }
        }

        /// <summary>The name by which other members show it.</summary>
        public string Name
        {
            get { return native.name(); }
        }

        /// <summary>Whether it was closed through this object.</summary>
        public bool IsClosed
        {
            get { return closed; }
        }

        /// <summary>
        /// Opens a cache. The same name is the same cache, in this process and on all members; each call gives an object
        /// of its own.
        /// </summary>
        /// <param name="name">Its name, 1 to 255 bytes of UTF-8.</param>
        /// <param name="settings">Settings of caches ("cache_ttl", "cache_max", "cache_size", "cache_mode", "max_value")
        /// over the node's. A cache that is open already must have been opened with the same.</param>
        /// <param name="nativeSerialization">Whether values that CBOR cannot carry are written and read by
        /// BinaryFormatter. Whoever has the cluster's key can then have this process run code, so it is refused on a
        /// node without one; newer runtimes have no BinaryFormatter. Better put what CBOR can carry.</param>
        /// <exception cref="MCCacheConfigException">A setting is wrong, or nativeSerialization is asked for without a key.</exception>
        /// <exception cref="MCCacheClosedException">The node is closed.</exception>
        public Cache OpenCache(string name, Settings settings = null, bool nativeSerialization = false)
        {
            if (name == null)
            {
                throw new ArgumentNullException(nameof(name));
            }
            if (nativeSerialization && GetSetting("crypto_key") != null)
            {
                throw new MCCacheConfigException("nativeSerialization needs a cluster with a secret: without `crypto_key` "
                    + "anybody on the network could have this process run code; `mccache keygen` makes a key");
            }
            using (Config config = settings?.ForCache())
            {
                return new Cache(this, new Interop.Cache(native, name, config), nativeSerialization);
            }
        }

        /// <summary>What a setting amounts to: given anywhere, derived, or the default. Null for a secret that is set.</summary>
        /// <exception cref="MCCacheArgumentException">There is no such setting; the message names the nearest.</exception>
        public string GetSetting(string name)
        {
            if (name == null)
            {
                throw new ArgumentNullException(nameof(name));
            }
            // Called again until it fits: the text may change between two calls.
            var buffer = new byte[256];
            while (true)
            {
                UIntPtr length;
                fixed (byte* data = buffer)
                {
                    if (!native.setting_into(name, new Bytes(data, buffer.Length), &length))
                    {
                        return null;
                    }
                }
                if ((ulong)length < (ulong)buffer.Length)
                {
                    return Encoding.UTF8.GetString(buffer, 0, (int)length);
                }
                buffer = new byte[(int)length + 1];
            }
        }

        /// <summary>Waits until the node has found the members that are there, and holds what they hold.</summary>
        /// <param name="timeout">Longest wait; 5 seconds if null.</param>
        /// <exception cref="MCCacheTimeoutException">It took longer. The node works, and goes on receiving.</exception>
        /// <exception cref="MCCacheClosedException">The node is closed.</exception>
        public void WaitReady(TimeSpan? timeout = null)
        {
            TimeSpan limit = timeout ?? Times.Sync;
            if (!Times.InSlices(ms => native.wait_ready(ms), limit, CancellationToken.None))
            {
                throw Times.TimedOut(limit, ReadyWhat);
            }
        }

        /// <summary>As <see cref="WaitReady"/>, without keeping the caller's thread.</summary>
        public Task WaitReadyAsync(TimeSpan? timeout = null, CancellationToken cancel = default(CancellationToken))
        {
            return Times.InSlicesAsync(ms => native.wait_ready(ms), timeout ?? Times.Sync, cancel, ReadyWhat);
        }

        private const string ReadyWhat = "the node to hold what the members hold";

        /// <summary>
        /// The other members, as this node knows them now. Several may have one name, as nodes of one process do unless
        /// <c>node_name</c> is set: <see cref="Member.Session"/> tells them apart.
        /// </summary>
        /// <exception cref="MCCacheClosedException">The node is closed.</exception>
        public IReadOnlyList<Member> GetMembers()
        {
            using (Members list = native.members())
            {
                var members = new List<Member>();
                for (ulong at = 0; at < list.count(); at++)
                {
                    using (Interop.Member item = list.item(at))
                    {
                        members.Add(new Member(item));
                    }
                }
                return members;
            }
        }

        /// <summary>The keys that this node holds, in the order they came to it.</summary>
        /// <exception cref="MCCacheClosedException">The node is closed.</exception>
        public IReadOnlyList<ClusterKey> GetKeys()
        {
            using (Keys list = native.keys())
            {
                var keys = new List<ClusterKey>();
                for (ulong at = 0; at < list.count(); at++)
                {
                    keys.Add(new ClusterKey(list.id(at), (KeyRole)list.role(at), list.members(at)));
                }
                return keys;
            }
        }

        /// <summary>
        /// Opens what is sealed with another key, too: for a change of the cluster's key without a restart.
        /// <para>
        /// Add the new key to every node; when all have it, make it primary on every node; when <see cref="GetKeys"/> tells of
        /// no member that uses the old one, on any node, remove that everywhere. Put the new key into the settings as well.
        /// </para>
        /// </summary>
        /// <param name="key"><c>ID:KEY</c>, such as <c>mccache keygen</c> prints; it is never shown or logged.</param>
        /// <exception cref="MCCacheArgumentException">It is no key, another has its id, the node holds eight, or it was opened
        /// without one.</exception>
        /// <exception cref="MCCacheClosedException">The node is closed.</exception>
        public void AddKey(string key)
        {
            native.add_key(key ?? throw new ArgumentNullException(nameof(key)));
        }

        /// <summary>
        /// Seals with another of the node's keys from now on. Members that do not hold it hear nothing of this node.
        /// </summary>
        /// <param name="id">The key's id, 1 to 255.</param>
        /// <exception cref="MCCacheArgumentException">The node has no such key.</exception>
        /// <exception cref="MCCacheClosedException">The node is closed.</exception>
        public void SetPrimaryKey(int id)
        {
            native.set_primary_key(id);
        }

        /// <summary>Forgets a key: members that seal with it are not heard any more.</summary>
        /// <param name="id">The key's id, 1 to 255.</param>
        /// <exception cref="MCCacheArgumentException">The node has no such key, or it is the primary.</exception>
        /// <exception cref="MCCacheClosedException">The node is closed.</exception>
        public void RemoveKey(int id)
        {
            native.remove_key(id);
        }

        /// <summary>Every counter of this node by its name. A closed node has its last ones.</summary>
        public IReadOnlyDictionary<string, long> GetMetrics()
        {
            using (Counters list = native.counters())
            {
                return Counted(list);
            }
        }

        /// <summary>
        /// Each live member's counters by its name, this node's first; null for who did not answer in time. Of members with
        /// the same name the second is "name (2)", and so on.
        /// </summary>
        /// <param name="timeout">Longest wait; 2 seconds if null.</param>
        /// <exception cref="MCCacheClosedException">The node is closed.</exception>
        public IReadOnlyDictionary<string, IReadOnlyDictionary<string, long>> GetClusterMetrics(TimeSpan? timeout = null)
        {
            using (ClusterMetrics list = native.cluster_metrics(Times.Wait(timeout ?? Times.Answer)))
            {
                var members = new Dictionary<string, IReadOnlyDictionary<string, long>>();
                for (ulong at = 0; at < list.count(); at++)
                {
                    using (Counters item = list.item(at))
                    {
                        members.Add(Distinct(list.member(at), members.ContainsKey), item == null ? null : Counted(item));
                    }
                }
                return members;
            }
        }

        /// <summary>Opens a queue of what happens from now on, in all caches and to the members.</summary>
        /// <exception cref="MCCacheClosedException">The node is closed.</exception>
        public EventQueue OpenEvents()
        {
            return new EventQueue(native.events());
        }

        /// <summary>
        /// An entry of any of its caches was put, deleted, evicted or expired, a cache was cleared or a tag invalidated.
        /// Listeners run on a thread of the node's own, one after another; a listener may close the node. The node is kept, and the thread
        /// runs, until the last listener is removed or the node is closed.
        /// </summary>
        public event EventHandler<CacheEvent> Changed
        {
            add { Listen(ref changed, value, true); }
            remove { Listen(ref changed, value, false); }
        }

        /// <summary>
        /// A loader of any of its caches failed or took too long, or an expired value was given in place of a loaded one: the
        /// event's kind says which. Threads as <see cref="Changed"/>.
        /// </summary>
        public event EventHandler<CacheEvent> LoadDegraded
        {
            add { Listen(ref degraded, value, true); }
            remove { Listen(ref degraded, value, false); }
        }

        /// <summary>A member joined. Threads as <see cref="Changed"/>.</summary>
        public event EventHandler<CacheEvent> MemberJoined
        {
            add { Listen(ref joined, value, true); }
            remove { Listen(ref joined, value, false); }
        }

        /// <summary>A member said goodbye. Threads as <see cref="Changed"/>.</summary>
        public event EventHandler<CacheEvent> MemberLeft
        {
            add { Listen(ref left, value, true); }
            remove { Listen(ref left, value, false); }
        }

        /// <summary>A member was not heard for so long that it counts as gone. Threads as <see cref="Changed"/>.</summary>
        public event EventHandler<CacheEvent> MemberFailed
        {
            add { Listen(ref failed, value, true); }
            remove { Listen(ref failed, value, false); }
        }

        /// <summary>Events came faster than listeners took them, and some were dropped. Threads as <see cref="Changed"/>.</summary>
        public event EventHandler<CacheEvent> Overflowed
        {
            add { Listen(ref overflowed, value, true); }
            remove { Listen(ref overflowed, value, false); }
        }

        /// <summary>A listener threw. Without a listener of this, System.Diagnostics.Trace is told.</summary>
        public event EventHandler<ListenerFailedEventArgs> ListenerFailed;

        /// <summary>
        /// Says goodbye and leaves the cluster; its caches and event queues are closed with it. Calls of other threads
        /// that wait in them end with a MCCacheClosedException. Waits for the goodbye, for less than a second. Doing it
        /// again does nothing.
        /// </summary>
        public void Dispose()
        {
            closed = true;
            native.close();
        }

        /// <inheritdoc/>
        public override string ToString()
        {
            return "MCCache.Node " + Name + (closed ? ", closed" : string.Empty);
        }

        internal static string Distinct(string name, Predicate<string> taken)
        {
            string distinct = name;
            for (int number = 2; taken(distinct); number++)
            {
                distinct = name + " (" + number + ")";
            }
            return distinct;
        }

        private static Interop.Node Open(Settings settings)
        {
            Library.Load();
            using (Config config = (settings ?? new Settings()).ForNode())
            {
                return new Interop.Node(config);
            }
        }

        private static Dictionary<string, long> Counted(Counters list)
        {
            var counters = new Dictionary<string, long>();
            for (ulong at = 0; at < list.count(); at++)
            {
                counters[list.name(at)] = list.value(at);
            }
            return counters;
        }

        private void Listen(ref EventHandler<CacheEvent> listeners, EventHandler<CacheEvent> listener, bool more)
        {
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
                if (changed == null && degraded == null && joined == null && left == null && failed == null && overflowed == null)
                {
                    dispatcher.Stop();
                }
            }
        }

        private void Raise(CacheEvent what)
        {
            EventHandler<CacheEvent> listeners;
            switch (what.Kind)
            {
                case EventKind.MemberJoined:
                    listeners = joined;
                    break;
                case EventKind.MemberLeft:
                    listeners = left;
                    break;
                case EventKind.MemberFailed:
                    listeners = failed;
                    break;
                case EventKind.Overflow:
                    listeners = overflowed;
                    break;
                default:
                    listeners = what.IsOfContents ? changed : what.IsOfLoads ? degraded : null;
                    break;
            }
            Listeners.Tell(listeners, this, what, ListenerFailed);
        }

        // Members should hear a goodbye at the end of the process, not a silence.
        private static void Register(Node node)
        {
            lock (Registry)
            {
                if (Known.Count == 0)
                {
                    AppDomain.CurrentDomain.ProcessExit += CloseAll;
                }
                Known.RemoveAll(each => !each.TryGetTarget(out Node _));
                Known.Add(new WeakReference<Node>(node));
            }
        }

        private static void CloseAll(object sender, EventArgs none)
        {
            List<WeakReference<Node>> nodes;
            lock (Registry)
            {
                nodes = new List<WeakReference<Node>>(Known);
            }
            foreach (WeakReference<Node> each in nodes)
            {
                if (each.TryGetTarget(out Node node) && !node.closed)
                {
                    node.Dispose();
                }
            }
            Log.End();
        }
    }
}
