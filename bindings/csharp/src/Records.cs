using System;
using System.Globalization;

namespace MCCache
{
    /// <summary>How a value's bytes are to be read. Other numbers than these may be met.</summary>
    public enum Codec : byte
    {
        /// <summary>Bytes as they are.</summary>
        Raw = 0,

        /// <summary>UTF-8 text.</summary>
        Text = 1,

        /// <summary>One CBOR data item (RFC 8949).</summary>
        Cbor = 2,

        /// <summary>Python's pickle. Not read here.</summary>
        Pickle = 3,

        /// <summary>Ruby's Marshal. Not read here.</summary>
        Marshal = 4,

        /// <summary>Java's object serialization. Not read here.</summary>
        Java = 5,

        /// <summary>.NET's BinaryFormatter. Read and written where a cache was opened for it.</summary>
        DotNet = 6,
    }

    /// <summary>What happened. A later library may know more: pass over a number you do not know.</summary>
    public enum EventKind
    {
        /// <summary>A key got a value, here or on another member.</summary>
        Put = 0,

        /// <summary>A key was deleted, here or on another member.</summary>
        Delete = 1,

        /// <summary>All entries of a cache were deleted, here or on another member.</summary>
        Clear = 2,

        /// <summary>An entry was taken out here, to keep the cache's limits or because its writer no longer has it.</summary>
        Evict = 3,

        /// <summary>An entry was taken out here because its time was over.</summary>
        Expire = 4,

        /// <summary>A member joined.</summary>
        MemberJoined = 5,

        /// <summary>A member said goodbye.</summary>
        MemberLeft = 6,

        /// <summary>A member was not heard for so long that it counts as gone.</summary>
        MemberFailed = 7,

        /// <summary>Events came faster than they were taken, and some were dropped.</summary>
        Overflow = 8,

        /// <summary>A loader failed.</summary>
        LoadFailed = 9,

        /// <summary>A load took longer than the soft timeout; an expired value was given meanwhile.</summary>
        LoadSlow = 10,

        /// <summary>A load took longer than the hard timeout; who waited for it got an exception.</summary>
        LoadTimedOut = 11,

        /// <summary>An expired value was given in place of a loaded one.</summary>
        Stale = 12,

        /// <summary>
        /// A tag was invalidated, here or on another member: its entries are read no more. The event's key is the tag; it is
        /// empty if this node learned of it late.
        /// </summary>
        TagInvalidated = 13,
    }

    /// <summary>What a node thinks of another member. A later library may know more.</summary>
    public enum MemberState
    {
        /// <summary>It says hello; its contents are not compared yet.</summary>
        Joining = 0,

        /// <summary>It is heard, and keeps up.</summary>
        Alive = 1,

        /// <summary>It was not heard for a while.</summary>
        Suspect = 2,

        /// <summary>It is heard, and does not keep up; nobody waits for it.</summary>
        Lagging = 3,

        /// <summary>It was not heard for so long that it counts as gone.</summary>
        Down = 4,

        /// <summary>It said goodbye.</summary>
        Left = 5,
    }

    /// <summary>
    /// Names one write: see Cache.PutToken. Three numbers, which a program may keep, or send to where the write is to be
    /// read.
    /// </summary>
    public readonly struct WriteToken : IEquatable<WriteToken>
    {
        /// <summary>Of the numbers of another one.</summary>
        public WriteToken(long clock, ulong origin, long position)
        {
            Version = new EntryVersion(clock, origin);
            Position = position;
        }

        internal WriteToken(Interop.Token raw)
            : this(raw.version_clock, raw.version_origin, raw.position)
        {
        }

        /// <summary>The version that was written, the same on all members.</summary>
        public EntryVersion Version { get; }

        /// <summary>Where the write stands on its way. Means something to the process that wrote alone.</summary>
        public long Position { get; }

        /// <inheritdoc/>
        public bool Equals(WriteToken other)
        {
            return Version.Equals(other.Version) && Position == other.Position;
        }

        /// <inheritdoc/>
        public override bool Equals(object other)
        {
            return other is WriteToken token && Equals(token);
        }

        /// <inheritdoc/>
        public override int GetHashCode()
        {
            return Version.GetHashCode() ^ Position.GetHashCode();
        }

        /// <summary>For logs: the version and the position.</summary>
        public override string ToString()
        {
            return Version + " at " + Position.ToString(CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Which write of a key an entry is. Of two versions the greater one wins; equal ones are one write.</summary>
    public readonly struct EntryVersion : IEquatable<EntryVersion>, IComparable<EntryVersion>
    {
        internal EntryVersion(long clock, ulong origin)
        {
            Clock = clock;
            Origin = origin;
        }

        /// <summary>The writer's hybrid logical clock; 0 where nothing was written.</summary>
        public long Clock { get; }

        /// <summary>The writer, which decides where clocks are equal.</summary>
        public ulong Origin { get; }

        /// <inheritdoc/>
        public int CompareTo(EntryVersion other)
        {
            int clocks = Clock.CompareTo(other.Clock);
            return clocks != 0 ? clocks : Origin.CompareTo(other.Origin);
        }

        /// <inheritdoc/>
        public bool Equals(EntryVersion other)
        {
            return Clock == other.Clock && Origin == other.Origin;
        }

        /// <inheritdoc/>
        public override bool Equals(object other)
        {
            return other is EntryVersion version && Equals(version);
        }

        /// <inheritdoc/>
        public override int GetHashCode()
        {
            return Clock.GetHashCode() ^ Origin.GetHashCode();
        }

        /// <summary>As the library's log shows it: milliseconds, counter and writer.</summary>
        public override string ToString()
        {
            return string.Format(CultureInfo.InvariantCulture, "{0}.{1}@{2:x16}", Clock >> 16, Clock & 0xffff, Origin);
        }
    }

    /// <summary>Something that happened in a cache or to the cluster.</summary>
    public sealed class CacheEvent : EventArgs
    {
        internal unsafe CacheEvent(ref Interop.RawEvent raw)
        {
            Kind = (EventKind)raw.Kind;
            IsLocal = raw.Local != 0;
            Cache = Interop.Text.OfNative(raw.Cache);
            Key = CacheKey.Of(raw.Key, checked((int)raw.KeyLen));
            Member = Interop.Text.OfNative(raw.Member);
            Version = new EntryVersion(raw.VersionClock, raw.VersionOrigin);
            Dropped = raw.Dropped;
        }

        /// <summary>What happened.</summary>
        public EventKind Kind { get; }

        /// <summary>Whether this process did it.</summary>
        public bool IsLocal { get; }

        /// <summary>The cache's name; empty for members.</summary>
        public string Cache { get; }

        /// <summary>The key; with <see cref="EventKind.TagInvalidated"/> the tag; empty where there is none.</summary>
        public CacheKey Key { get; }

        /// <summary>Whether it tells of what can be read in a cache: of a key, of all of them, or of those with a tag.</summary>
        internal bool IsOfContents
        {
            get { return Kind <= EventKind.Expire || Kind == EventKind.TagInvalidated; }
        }

        /// <summary>Whether it tells of a load that did not go as it should.</summary>
        internal bool IsOfLoads
        {
            get { return Kind >= EventKind.LoadFailed && Kind <= EventKind.Stale; }
        }

        /// <summary>The member that wrote, joined, left or failed; empty if unknown.</summary>
        public string Member { get; }

        /// <summary>The write it tells of.</summary>
        public EntryVersion Version { get; }

        /// <summary>With <see cref="EventKind.Overflow"/> how many events were dropped, else 0.</summary>
        public long Dropped { get; }

        /// <inheritdoc/>
        public override string ToString()
        {
            return Kind + (Cache.Length > 0 ? " " + Cache + "[" + Key + "]" : string.Empty) + " by " + Member;
        }
    }

    /// <summary>Another member of the cluster, at one moment.</summary>
    public sealed class Member
    {
        internal Member(Interop.Member raw)
        {
            Name = raw.name;
            Session = raw.session;
            Address = raw.address;
            Version = raw.version;
            State = (MemberState)raw.state;
            HeardAgo = Times.Of(raw.heard_ago_ms);
            RoundTrip = TimeSpan.FromTicks(raw.round_trip_us * 10);
        }

        /// <summary>Its name, as its settings have it.</summary>
        public string Name { get; }

        /// <summary>Its run: 24 hexadecimal digits, different after each start.</summary>
        public string Session { get; }

        /// <summary>Where it sends from, such as "192.0.2.7:4000".</summary>
        public string Address { get; }

        /// <summary>The version of the library it runs.</summary>
        public string Version { get; }

        /// <summary>What this node thinks of it.</summary>
        public MemberState State { get; }

        /// <summary>Time since it was last heard.</summary>
        public TimeSpan HeardAgo { get; }

        /// <summary>Time to it and back, smoothed; zero until measured.</summary>
        public TimeSpan RoundTrip { get; }

        /// <inheritdoc/>
        public override string ToString()
        {
            return Name + " at " + Address + ", " + State;
        }
    }

    /// <summary>What a node does with one of the cluster's keys. A later library may know more.</summary>
    public enum KeyRole
    {
        /// <summary>It opens what others seal with it; the node has not sealed with it yet.</summary>
        DecryptOnly = 0,

        /// <summary>It seals what the node sends, and opens.</summary>
        Primary = 1,

        /// <summary>The node has sealed with it; now it opens, until it is removed.</summary>
        Retired = 2,
    }

    /// <summary>One of the cluster's keys, as a node holds it. The key itself is never told.</summary>
    public sealed class ClusterKey
    {
        internal ClusterKey(int id, KeyRole role, long members)
        {
            Id = id;
            Role = role;
            Members = members;
        }

        /// <summary>Its id, 1 to 255; 0 is the public key of a node without a <c>crypto_key</c>.</summary>
        public int Id { get; }

        /// <summary>What the node does with it.</summary>
        public KeyRole Role { get; }

        /// <summary>How many other members seal with it now, as far as the node has heard them.</summary>
        public long Members { get; }

        /// <inheritdoc/>
        public override string ToString()
        {
            return Id + " " + Role + ", used by " + Members;
        }
    }

    /// <summary>What is known of an entry.</summary>
    public sealed class EntryMetadata
    {
        internal EntryMetadata(Interop.Metadata raw)
        {
            WrittenAt = DateTimeOffset.FromUnixTimeMilliseconds(raw.written_ms);
            Age = Times.Of(raw.age_ms);
            long ttl = raw.ttl_remaining_ms;
            TimeToLive = ttl == Times.Forever ? (TimeSpan?)null : Times.Of(ttl);
            Size = raw.size;
            Weight = raw.weight;
            Version = new EntryVersion(raw.version_clock, raw.version_origin);
            Codec = (Codec)raw.codec;
        }

        /// <summary>When it was written, by the writer's clock, to the millisecond.</summary>
        public DateTimeOffset WrittenAt { get; }

        /// <summary>Time since then.</summary>
        public TimeSpan Age { get; }

        /// <summary>Time until it expires; null if it does not.</summary>
        public TimeSpan? TimeToLive { get; }

        /// <summary>The value's length in bytes.</summary>
        public long Size { get; }

        /// <summary>What the entry counts against the cache's limit of bytes.</summary>
        public long Weight { get; }

        /// <summary>Which write it is.</summary>
        public EntryVersion Version { get; }

        /// <summary>How its bytes are to be read.</summary>
        public Codec Codec { get; }

        /// <inheritdoc/>
        public override string ToString()
        {
            string life = TimeToLive == null ? "does not expire" : "expires in " + TimeToLive;
            return Size + " bytes of " + Codec + ", " + Age + " old, " + life + ", version " + Version;
        }
    }

    /// <summary>Figures of one cache in this process, since it was opened.</summary>
    public sealed class CacheStats
    {
        internal CacheStats(Interop.CacheStats raw)
        {
            Entries = raw.entries;
            Bytes = raw.bytes;
            Tombstones = raw.tombstones;
            Hits = raw.hits;
            Misses = raw.misses;
            Evictions = raw.evictions;
            Expirations = raw.expirations;
            Puts = raw.puts;
            Deletes = raw.deletes;
        }

        /// <summary>Entries held now.</summary>
        public long Entries { get; }

        /// <summary>What they count against the limit of bytes.</summary>
        public long Bytes { get; }

        /// <summary>Deleted keys that are remembered, so that an older put does not bring them back.</summary>
        public long Tombstones { get; }

        /// <summary>Look-ups that found a value.</summary>
        public long Hits { get; }

        /// <summary>Look-ups that found none.</summary>
        public long Misses { get; }

        /// <summary>Entries taken out to keep the limits.</summary>
        public long Evictions { get; }

        /// <summary>Entries taken out because their time was over.</summary>
        public long Expirations { get; }

        /// <summary>Puts by this process.</summary>
        public long Puts { get; }

        /// <summary>Deletes by this process.</summary>
        public long Deletes { get; }

        /// <inheritdoc/>
        public override string ToString()
        {
            return Entries + " entries, " + Bytes + " bytes, " + Hits + " hits, " + Misses + " misses, " + Puts + " puts, "
                + Deletes + " deletes, " + Evictions + " evictions, " + Expirations + " expirations";
        }
    }

    /// <summary>Equal keys and values have equal checksums on every member.</summary>
    public sealed class CacheChecksum : IEquatable<CacheChecksum>
    {
        internal CacheChecksum(Interop.Checksum raw)
        {
            Sum = raw.sum;
            Entries = raw.entries;
        }

        /// <summary>The checksum.</summary>
        public ulong Sum { get; }

        /// <summary>How many entries are in it.</summary>
        public long Entries { get; }

        /// <inheritdoc/>
        public bool Equals(CacheChecksum other)
        {
            return other != null && Sum == other.Sum && Entries == other.Entries;
        }

        /// <inheritdoc/>
        public override bool Equals(object other)
        {
            return Equals(other as CacheChecksum);
        }

        /// <inheritdoc/>
        public override int GetHashCode()
        {
            return Sum.GetHashCode();
        }

        /// <inheritdoc/>
        public override string ToString()
        {
            return Sum.ToString("x16", CultureInfo.InvariantCulture) + ", " + Entries + " entries";
        }
    }
}
