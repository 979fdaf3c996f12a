# frozen_string_literal: true

module MCCache
  # A Hash that every member of the cluster has, kept coherent in the background.
  #
  # Keys are String or Symbol; a Symbol is its name, a text and its UTF-8 bytes are one key, and iteration gives Strings.
  # Values are bytes (a String in ASCII-8BIT), text (a String in any other encoding, stored in UTF-8), and what CBOR carries:
  # nil, true, false, Integer, Float, Time, Date, Array, Hash, Set, Rational, BigDecimal. They are copied in and copied out.
  #
  # All of it may be used from any thread. Other threads and other members write all the time: iteration never fails because
  # of that, and an entry that was seen may be gone. Every method raises ClosedError once the cache or its node is closed,
  # TypeError for a key or a value of another type, TooLargeError for a key of more than 65,535 bytes, InvalidArgumentError for
  # a String that is not valid in its encoding, and CodecError for a value that cannot be read.
  #
  # Get one from MCCache.cache or Node#cache.
  class Cache < Native::Cache
    include Enumerable
    include Loading

    MISSING = Object.new.freeze
    private_constant :MISSING

    private(*Native::Cache.instance_methods(false).grep(/\A_/))

    # Those of the extension that Enumerable's would hide.
    define_method(:take, Native::Cache.instance_method(:take))

    # @!method [](key)
    #   @param key [String, Symbol]
    #   @return [Object, nil] the value; nil if there is none

    # @!method []=(key, value)
    #   Puts a value, here at once and on all members soon; its time to live is the cache's setting.
    #   @param key [String, Symbol]
    #   @param value [Object]

    # @!method fetch(key, default = none)
    #   As Hash#fetch.
    #   @param key [String, Symbol]
    #   @param default [Object] what is answered if there is no value
    #   @yieldparam key [String, Symbol] where there is none; what the block answers is answered, and not put
    #   @return [Object]
    #   @raise [KeyError] if there is no value, no default and no block

    # @!method key?(key)
    #   Does not count as a use of the entry.
    #   @return [Boolean]

    # @!method delete(key)
    #   Deletes on every member, also where this one has no value. As Hash#delete it answers the value.
    #   @yieldparam key [String, Symbol] if there was no value here; what the block answers is answered
    #   @return [Object, nil]

    # @!method remove(key)
    #   As delete, without making the value.
    #   @return [Boolean] whether there was a value here

    # @!method take(key)
    #   Deletes and answers a value in one step: of the threads of this process that do this at once, one gets it.
    #   @yieldparam key [String, Symbol] if there was none; what the block answers is answered
    #   @return [Object, nil]

    # @!method size
    #   @return [Integer] entries held now; one whose time is over may count until it is taken out

    alias store []=
    alias has_key? key?
    alias include? key?
    alias member? key?
    alias length size

    # @api private
    def initialize(node, native_node, name, marshal, config)
      @node = node
      @name = -name
      @marshal = marshal
      @closed = false
      super(native_node, @name, config)
      @policy = LoadPolicy.new(self, nil)
    end

    # @return [String] the name under which every member finds it
    attr_reader :name

    # @return [Node]
    attr_reader :node

    # @return [Boolean] whether values that CBOR does not carry go by Ruby's Marshal
    def marshal?
      @marshal
    end

    # -- One key ------------------------------------------------------------------------------------------------------

    # As `cache[key] = value`, with a time to live of its own.
    #
    # @param key [String, Symbol]
    # @param value [Object]
    # @param ttl [Numeric, #to_f, nil] seconds above 0; nil is the cache's setting, Float::INFINITY is no end
    # @param tags [Array<String, Symbol>, nil] at most 16 names of 1 to 255 bytes, by which {#invalidate_tag} can take the entry
    # @return [Object] value
    def put(key, value, ttl: nil, tags: nil)
      return _put(key, value, Durations.ttl_ms(ttl)) unless tags

      _put_tagged(key, value, Durations.ttl_ms(ttl), pack_tags(tags))
    end

    # Makes every entry that was put with this tag a miss, here at once and on every member soon. It takes no longer for a
    # million entries than for one; they count in {#size} until they expire or make room. What is put with the tag afterwards
    # is read.
    #
    # @param tag [String, Symbol] 1 to 255 bytes
    # @return [self]
    def invalidate_tag(tag)
      _invalidate_tag(pack_tags([tag]))
      self
    end

    # Surrounds a transaction that changes what these keys are loaded from. From the beginning of the block to its end they are
    # misses on every member, and what is loaded of them is answered and not put. So nobody reads from the cache what was
    # before the transaction once the database has committed it, even if the process dies before the block ends: the members
    # wait for its end until the limit, and then load anew. Puts pass; it is no lock. A block that raises has invalidated.
    #
    #   cache.invalidating("product:7") do
    #     db.transaction { db.execute("UPDATE product SET price = 3 WHERE id = 7") }
    #   end
    #
    # @param keys [Array<String, Symbol>] 1 to 64
    # @param limit [Numeric, #to_f] seconds above 0, 600 at most; a transaction that takes longer has only what a delete promises
    # @param timeout [Numeric, #to_f, nil] the longest wait for the members at the beginning: see {Invalidation#complete?}
    # @yieldparam invalidation [Invalidation]
    # @return [Object] what the block answers
    def invalidating(*keys, limit: 30, timeout: 1, &block)
      Invalidation.new(self, keys, limit, timeout).around(&block)
    end

    # Puts a value only if this process knows none. Of threads of this process that try at once one succeeds; two members
    # may both succeed, and the later one wins, as always.
    #
    # @param (see #put)
    # @return [Boolean] whether it was put
    def put_new(key, value, ttl: nil)
      _put_new(key, value, Durations.ttl_ms(ttl))
    end

    # The value of a key, which is loaded by the block if there is none. One thread of this process loads a key at a time,
    # others that ask for it wait; members do not wait for each other. A write or delete that comes while the block runs
    # wins over what it loaded, which is answered all the same. What the block raises is raised, and nothing is put.
    #
    # The cache's settings, or a policy ({#load_policy}), say more: an expired value in place of what the block raises or takes
    # too long for, an error after a time, an early refresh. A block that is not waited for to its end runs in a thread of its
    # own, which has no thread-local variables of the caller's and where `return` and `break` cannot leave the caller, and
    # fills the cache when it is done; what it raises then goes to MCCache.logger. Without these settings it runs in the
    # caller's thread.
    #
    # @param key [String, Symbol]
    # @param ttl [Numeric, #to_f, nil] as in {#put}
    # @param tags [Array<String, Symbol>, nil] as in {#put}; what was loaded is not put if one was invalidated meanwhile
    # @param timeout [Numeric, #to_f, nil] seconds to wait for another's load; nil waits for ever
    # @param policy [LoadPolicy, nil] nil is what the cache's settings say
    # @yieldparam key [String, Symbol]
    # @return [Object]
    # @raise [TimeoutError] if another thread's load lasts longer; also if the block asks for its own key, or takes longer
    #   than load_hard_timeout and there is no expired value
    def get_or_load(key, ttl: nil, tags: nil, timeout: 30, policy: nil, &load)
      raise ArgumentError, "get_or_load needs a block that loads the value" unless load

      rules = policy || @policy
      terms = Load::Terms.new(Durations.ttl_ms(ttl), tags ? pack_tags(tags) : "")
      total_ms = Durations.timeout_ms(timeout)
      await_load(key, total_ms, rules) do |state, held, lease|
        [Load.new(self, key, state, held, lease, terms).value(rules, load)]
      end
    end

    # How to load, for {#get_or_load}: this cache's settings, and these over them. Make it once, and pass it to many calls.
    #
    # @param settings [Hash] eager_refresh (a share of the time to live), fail_safe, fail_safe_throttle, load_soft_timeout,
    #   load_hard_timeout (seconds)
    # @return [LoadPolicy]
    # @raise [ConfigError] if one is wrong, or no setting of a cache
    def load_policy(**settings)
      LoadPolicy.new(self, Settings.of_cache(settings))
    end

    # As {#put}, and names the write: for {#sync_token} here and {#get_at_least} on any member. Waits for nobody.
    #
    # @param (see #put)
    # @return [Token]
    def put_token(key, value, ttl: nil)
      Token.new(*_put_token(key, value, Durations.ttl_ms(ttl))).freeze
    end

    # Deletes a key on every member, and names the delete, whether or not a value was known here.
    #
    # @param key [String, Symbol]
    # @return [Token]
    def delete_token(key)
      Token.new(*_remove_token(key)).freeze
    end

    # The value of a key if it is the one that a token names, or a newer one. The token may come from another member, by
    # whatever way the program has. A write that has not come here yet is as good as none.
    #
    # @param key [String, Symbol]
    # @param token [Token]
    # @return [Object, nil]
    def get_at_least(key, token)
      of_token(token)
      _get_at_least(key, token.version_clock, token.version_origin)
    end

    # Gives an entry a new time to live, here and on all members.
    #
    # @param key [String, Symbol]
    # @param ttl [Numeric, #to_f, nil] as in {#put}
    # @return [Boolean] false if there is no such entry
    def touch(key, ttl: nil)
      _touch(key, Durations.ttl_ms(ttl))
    end

    # What is known of an entry. Does not count as a use of it.
    #
    # @param key [String, Symbol]
    # @return [Metadata, nil] nil if there is no such entry
    def metadata(key)
      Metadata.of(_metadata(key))
    rescue KeyError
      nil
    end

    # The bytes of a value where they are, whatever their codec.
    #
    # @param key [String, Symbol]
    # @return [View, nil] nil if there is no such entry
    def view(key)
      value = _value(key)
      value && View.new(value, self)
    end

    # @return [Object, nil] as Hash#dig
    def dig(key, *rest)
      value = self[key]
      rest.empty? || value.nil? ? value : value.dig(*rest)
    end

    # @return [Array<Object, nil>] the values of keys
    def values_at(*keys)
      keys.map { |key| self[key] }
    end

    # @return [Array<Object>] the values of keys; as {#fetch} where there is none
    def fetch_values(*keys, &block)
      keys.map { |key| fetch(key, &block) }
    end

    # @return [Hash{String, Symbol => Object}] those of these keys that have a value
    def slice(*keys)
      keys.each_with_object({}) do |key, found|
        value = fetch(key, MISSING)
        found[key] = value unless MISSING.equal?(value)
      end
    end

    # -- All keys -----------------------------------------------------------------------------------------------------

    # Each entry is read in one step, and that does not count as a use of it. Who is there all the time comes once, who comes
    # or goes meanwhile at most once.
    #
    # @yieldparam key [String] UTF-8 where it is that, else ASCII-8BIT
    # @yieldparam value [Object]
    # @return [self, Enumerator]
    def each
      return enum_for(:each) { size } unless block_given?

      iteration = _iter
      while (entry = iteration.entry(self))
        yield entry
      end
      self
    end
    alias each_pair each

    # @yieldparam key [String]
    # @return [self, Enumerator]
    def each_key
      return enum_for(:each_key) { size } unless block_given?

      iteration = _iter
      while (key = iteration.step)
        yield key
      end
      self
    end

    # @yieldparam value [Object]
    # @return [self, Enumerator]
    def each_value
      return enum_for(:each_value) { size } unless block_given?

      each { |_, value| yield value }
    end

    # @return [Array<String>]
    def keys
      each_key.to_a
    end

    # @return [Array<Object>]
    def values
      each_value.to_a
    end

    # @return [Integer] as Enumerable#count; without argument and block the size
    def count(*item, &block)
      item.empty? && block.nil? ? size : super
    end

    # @return [Boolean]
    def empty?
      size.zero?
    end

    # @return [Boolean] as Enumerable#any?
    def any?(*pattern, &block)
      pattern.empty? && block.nil? ? !empty? : super
    end

    # Puts the entries of Hashes, or of other caches.
    #
    # @param others [Array<#each_pair>]
    # @yield [key, old, new] for keys that have a value: what is to be put
    # @return [self]
    def merge!(*others)
      others.each do |other|
        raise TypeError, "merge: a Hash or a cache is expected, not #{other.class}" unless other.respond_to?(:each_pair)

        other.each_pair do |key, value|
          old = block_given? ? fetch(key, MISSING) : MISSING
          self[key] = MISSING.equal?(old) ? value : yield(key, old, value)
        end
      end
      self
    end
    alias update merge!

    # @return [Hash{String => Object}] the entries, and those of others over them, as they are now
    def merge(*others, &block)
      to_h.merge(*others.map(&:to_h), &block)
    end

    # @return [Hash{String => Object}, Enumerator] as Hash#select
    def select(&block)
      block ? to_h.select(&block) : enum_for(:select) { size }
    end
    alias filter select

    # @return [Hash{String => Object}, Enumerator] as Hash#reject
    def reject(&block)
      block ? to_h.reject(&block) : enum_for(:reject) { size }
    end

    # @return [Hash{String => Object}, Enumerator] as Hash#transform_values
    def transform_values(&block)
      block ? to_h.transform_values(&block) : enum_for(:transform_values) { size }
    end

    # Deletes the entries for which the block answers true, on every member.
    # @return [self, Enumerator]
    def delete_if
      return enum_for(:delete_if) { size } unless block_given?

      each { |key, value| remove(key) if yield(key, value) }
    end

    # @return [self, nil, Enumerator] as {#delete_if}; nil if nothing was deleted
    def reject!
      return enum_for(:reject!) { size } unless block_given?

      deleted = false
      each { |key, value| deleted |= remove(key) if yield(key, value) }
      deleted ? self : nil
    end

    # Deletes the entries for which the block answers false or nil, on every member.
    # @return [self, Enumerator]
    def keep_if
      return enum_for(:keep_if) { size } unless block_given?

      delete_if { |key, value| !yield(key, value) }
    end

    # @return [self, nil, Enumerator] as {#keep_if}; nil if nothing was deleted
    def select!
      return enum_for(:select!) { size } unless block_given?

      reject! { |key, value| !yield(key, value) }
    end
    alias filter! select!

    # Deletes all entries, on every member.
    # @return [self]
    def clear
      _clear
      self
    end

    # -- The cluster --------------------------------------------------------------------------------------------------

    # Waits until every live member has applied all that this process wrote to the cache before.
    #
    # @param timeout [Numeric, #to_f, nil] seconds; nil waits for ever
    # @return [self]
    # @raise [TimeoutError] the writes still go out
    def sync(timeout = 5)
      total = Durations.timeout_ms(timeout)
      first = [total, Durations::SLICE_MS].min
      return self if _sync(first)

      # Begun again it would also wait for what others wrote meanwhile: the rest is one call.
      rest = total == Durations::FOREVER_MS ? total : total - first
      return self if rest.positive? && Durations.interruptibly { _sync(rest) }

      raise TimeoutError, "timed out after #{total} ms: members that are alive have not applied what was written"
    end

    # Waits until members have applied one write of this process, or something newer; not for what came after it.
    #
    # @param token [Token]
    # @param timeout [Numeric, #to_f, nil] seconds; nil waits for ever
    # @param members [Integer, nil] so many that have the cache open, this process not counted, also if there are not so
    #   many yet; nil: all that are alive, as far as they have it open
    # @return [self]
    # @raise [TimeoutError] the write still goes out
    def sync_token(token, timeout = 5, members: nil)
      of_token(token)
      count = members_waited_for(members)
      wait = lambda do |slice|
        _sync_token(token.version_clock, token.version_origin, token.position, count, slice)
      end
      total = Durations.timeout_ms(timeout)
      return self if Durations.in_slices(total, &wait)

      who = members ? "#{members} members" : "members that are alive"
      raise TimeoutError, "timed out after #{total} ms: #{who} have not applied the write"
    end

    # @return [Stats] figures of this cache in this process
    def stats
      Stats.of(_stats)
    end

    # Sums up the contents. Reads every entry.
    # @return [Checksum]
    def checksum
      Checksum.of(_checksum)
    end

    # Asks all members.
    #
    # @param timeout [Numeric, #to_f] seconds to wait for answers
    # @return [Hash{String => Checksum, nil}] by the member's name, this node's first; nil for who did not answer in time;
    #   of members with the same name the second is "name (2)"
    def cluster_checksum(timeout: 2)
      total = Durations.timeout_ms(timeout)
      answers = Durations.interruptibly { _cluster_checksum(total) }
      Node.by_member(answers) { |item| Checksum.of(item) }
    end

    # @return [Events] a queue of what happens in this cache from now on
    def events
      Events.new(_events)
    end

    # What changes what this process has read: puts, deletes, evictions and expiries of a key within a time after its value was
    # last read here, by whichever member, this one too; and clears and tags invalidated, if anything was read within that
    # time. From the first call on each read notes its key. A change that comes at the instant of a read may be told although
    # the read has seen it.
    #
    # @param window [Numeric, #to_f, nil] seconds above 0; nil: the node's setting callback_win, 5 seconds
    # @return [Events]
    def events_of_lookups(window = nil)
      Events.new(_events_of_lookups(Durations.ttl_ms(window)))
    end

    # Calls the block for each event of this cache from now on, one after another in a thread of the node's. What it raises
    # goes to MCCache.logger. If it does not keep up it hears of an event of kind :overflow.
    #
    # @yieldparam event [Event]
    # @return [Listener]
    def on_change(&block)
      size # of a closed cache: raises
      @node.listeners.add(@name, block)
    end

    # -- The end ------------------------------------------------------------------------------------------------------

    # Leaves the cache: its entries are forgotten here, and stay on other members. Closing again does nothing.
    # @return [void]
    def close
      @closed = true
      @node.forget(@name)
      _close
      nil
    end

    # @return [Boolean] whether it, or its node, was closed through these objects
    def closed?
      @closed || @node.closed?
    end

    # @return [String]
    def inspect
      state = begin
        "#{size} entries"
      rescue ClosedError
        "closed"
      end
      "#<MCCache::Cache #{name} of #{node.name}: #{state}>"
    end
    alias to_s inspect

    # @api private
    def initialize_copy(_other)
      raise TypeError, "a Cache cannot be copied: to_h gives its entries, MCCache.cache(name) the cache"
    end

    private

    def of_token(token)
      raise TypeError, "token: a Token of put_token is expected, not #{token.class}" unless token.is_a?(Token)
    end

    # For C: 0 is all that are alive.
    def members_waited_for(members)
      return 0 if members.nil?
      raise TypeError, "members: an Integer or nil is expected, not #{members.class}" unless members.is_a?(Integer)
      raise InvalidArgumentError, "members is #{members}: at least 1, or nil for all that are alive" if members < 1

      members
    end

    # Tags for C: with a zero byte between two.
    def pack_tags(tags)
      raise TypeError, "tags: an Array is expected, like [#{tags.inspect}]" unless tags.respond_to?(:map)

      names = tags.map { |tag| pack_tag(tag) }
      return names.join("\0") if names.none? { |name| name.empty? || name.include?("\0".b) }

      raise InvalidArgumentError, "tags: each has 1 to 255 bytes of UTF-8, none of them zero"
    end

    def pack_tag(tag)
      return tag.to_s.encode(Encoding::UTF_8).b if tag.is_a?(String) || tag.is_a?(Symbol)

      raise TypeError, "tags: String or Symbol is expected, not #{tag.class}"
    end
  end
end
