# frozen_string_literal: true

module MCCache
  # How a value's bytes are to be read, by number. A number that is not here stays a number.
  CODECS = { 0 => :raw, 1 => :text, 2 => :cbor, 3 => :pickle, 4 => :marshal, 5 => :java, 6 => :dotnet }.freeze

  # What can happen, by number. A later core may know more; those come as numbers.
  EVENT_KINDS = { 0 => :put, 1 => :delete, 2 => :clear, 3 => :evict, 4 => :expire, 5 => :member_joined,
                  6 => :member_left, 7 => :member_failed, 8 => :overflow, 9 => :load_failed, 10 => :load_slow,
                  11 => :load_timed_out, 12 => :stale }.freeze

  # What a node can think of a member, by number.
  MEMBER_STATES = { 0 => :joining, 1 => :alive, 2 => :suspect, 3 => :lagging, 4 => :down, 5 => :left }.freeze

  # Something that happened in a cache or to the cluster. Frozen.
  #
  # @!attribute [r] kind
  #   @return [Symbol, Integer] one of {EVENT_KINDS}
  # @!attribute [r] local
  #   @return [Boolean] whether this process did it
  # @!attribute [r] cache
  #   @return [String] the cache's name; empty for members
  # @!attribute [r] key
  #   @return [String] the key, as iteration would give it; empty where there is none
  # @!attribute [r] member
  #   @return [String] the member that wrote, joined, left or failed; empty if unknown
  # @!attribute [r] version
  #   @return [String] the version the entry has now; "0" for members. Versions of a key that differ are different writes
  # @!attribute [r] dropped
  #   @return [Integer] with :overflow how many events were dropped, because nobody took them in time; else 0
  Event = Struct.new(:kind, :local, :cache, :key, :member, :version, :dropped) do
    alias_method :local?, :local

    # @api private
    def self.of(raw)
      kind, local, cache, key, member, clock, origin, dropped = raw
      new(EVENT_KINDS.fetch(kind, kind), local, cache, key, member, MCCache.version_text(clock, origin), dropped).freeze
    end
  end

  # Names one write: see {Cache#put_token}. Three numbers, which may be kept or sent to another member. Frozen.
  #
  # @!attribute [r] version_clock
  #   @return [Integer] the version written, first part: the writer's hybrid logical clock
  # @!attribute [r] version_origin
  #   @return [Integer] the version written, second part: the writer
  # @!attribute [r] position
  #   @return [Integer] where the write stands on its way; means something to the process that wrote alone
  Token = Struct.new(:version_clock, :version_origin, :position)

  # What a node can do with one of the cluster's keys, by number.
  KEY_ROLES = { 0 => :decrypt_only, 1 => :primary, 2 => :retired }.freeze

  # One of the cluster's keys. The key itself is never told. Frozen.
  #
  # @!attribute [r] id
  #   @return [Integer] 1 to 255; 0 is the public key of a node without a crypto_key
  # @!attribute [r] role
  #   @return [Symbol, Integer] what this node does with it, one of {KEY_ROLES}
  # @!attribute [r] members
  #   @return [Integer] how many other members seal with it now, as far as this node has heard them
  ClusterKey = Struct.new(:id, :role, :members)

  # Another member of the cluster. Frozen.
  #
  # @!attribute [r] name
  #   @return [String] its name, as its settings have it
  # @!attribute [r] session
  #   @return [String] one run of it: 24 hexadecimal digits
  # @!attribute [r] address
  #   @return [String] where it sends from, such as "192.0.2.7:4000"
  # @!attribute [r] version
  #   @return [String] the mccache it runs
  # @!attribute [r] state
  #   @return [Symbol, Integer] one of {MEMBER_STATES}
  # @!attribute [r] heard_ago
  #   @return [Float] seconds since it was last heard
  # @!attribute [r] round_trip
  #   @return [Float] seconds to it and back, smoothed; 0 until measured
  Member = Struct.new(:name, :session, :address, :version, :state, :heard_ago, :round_trip) do
    # @api private
    def self.of(raw)
      new(raw.name, raw.session, raw.address, raw.version, MEMBER_STATES.fetch(raw.state, raw.state),
          raw.heard_ago_ms / 1000.0, raw.round_trip_us / 1_000_000.0).freeze
    end
  end

  # What is known of an entry. Frozen.
  #
  # @!attribute [r] written_at
  #   @return [Time] when it was written, by the writer's clock, to the millisecond
  # @!attribute [r] age
  #   @return [Float] seconds since then
  # @!attribute [r] ttl
  #   @return [Float, nil] seconds until it expires; nil if it does not
  # @!attribute [r] size
  #   @return [Integer] the value's length in bytes
  # @!attribute [r] weight
  #   @return [Integer] what the entry counts against the cache's limit of bytes
  # @!attribute [r] version
  #   @return [String] which write it is. Versions of a key that differ are different writes
  # @!attribute [r] codec
  #   @return [Symbol, Integer] one of {CODECS}
  Metadata = Struct.new(:written_at, :age, :ttl, :size, :weight, :version, :codec) do
    # @api private
    def self.of(raw)
      forever = raw.ttl_remaining_ms == Durations::FOREVER_MS
      new(Time.at(0, raw.written_ms, :millisecond), raw.age_ms / 1000.0, forever ? nil : raw.ttl_remaining_ms / 1000.0,
          raw.size, raw.weight, MCCache.version_text(raw.version_clock, raw.version_origin),
          CODECS.fetch(raw.codec, raw.codec)).freeze
    end
  end

  # Figures of one cache in this process, since it was opened. Frozen.
  #
  # @!attribute [r] entries
  #   @return [Integer] entries held now
  # @!attribute [r] bytes
  #   @return [Integer] what they count against the limit of bytes
  # @!attribute [r] tombstones
  #   @return [Integer] deleted keys remembered now, so that an older put does not bring them back
  # @!attribute [r] hits
  #   @return [Integer] look-ups that found a value, waits for another's load among them
  # @!attribute [r] misses
  #   @return [Integer] look-ups that found none: a load is one, to wait for another's none
  # @!attribute [r] evictions
  #   @return [Integer] entries taken out to keep the limits
  # @!attribute [r] expirations
  #   @return [Integer] entries taken out because their time was over
  # @!attribute [r] puts
  #   @return [Integer] puts by this process
  # @!attribute [r] deletes
  #   @return [Integer] deletes by this process
  Stats = Struct.new(:entries, :bytes, :tombstones, :hits, :misses, :evictions, :expirations, :puts, :deletes) do
    # @api private
    def self.of(raw)
      new(*members.map { |name| raw.public_send(name) }).freeze
    end
  end

  # A sum over contents: equal keys and values have equal checksums on every member. Frozen.
  #
  # @!attribute [r] sum
  #   @return [Integer] 64 bits
  # @!attribute [r] entries
  #   @return [Integer] how many entries are in it
  Checksum = Struct.new(:sum, :entries) do
    # @api private
    def self.of(raw)
      new(raw.sum, raw.entries).freeze
    end
  end

  # The text that the core's log shows: milliseconds, counter and writer.
  # @api private
  def self.version_text(clock, origin)
    clock.zero? && origin.zero? ? "0" : format("%d.%d@%016x", clock >> 16, clock & 0xffff, origin)
  end
end
