# frozen_string_literal: true

module MCCache
  # A member of a cluster: this process's part in it, and the caches it has open. Most programs need none of their own:
  # MCCache.cache uses the process's.
  #
  # It may be used from any threads. A forked child is a member of its own, with the same settings: its first use of a
  # cache starts one. A node that is dropped without a close leaves by itself; one with listeners lives until it is closed,
  # or until the process ends.
  class Node
    # The node that is given a block is closed when the block ends.
    #
    # @param (see #initialize)
    # @yieldparam node [Node]
    # @return [Node, Object] the node, or what the block answers
    def self.open(**settings)
      node = new(**settings)
      return node unless block_given?

      begin
        yield node
      ensure
        node.close
      end
    end

    # The process's own, started with the settings of file and environment.
    # @api private
    def self.own
      allocate.tap { |node| node.__send__(:adopt) { Native::Node.own } }
    end

    # Answers of members by their names. These need not be unique, and no answer may hide another.
    # @api private
    def self.by_member(answers)
      answers.count.times.with_object({}) do |index, members|
        name = unused = answers.member(index)
        number = 1
        unused = "#{name} (#{number += 1})" while members.key?(unused)
        item = answers.item(index)
        members[unused] = item && yield(item)
      end
    end

    # Starts a node. Settings have the names of the configuration file, and go over file and environment.
    #
    # @param config_file [String, Pathname, nil] one more file, read first
    # @param settings [Hash{Symbol => String, Symbol, Numeric, Boolean, Pathname}] such as cluster: "orders",
    #   crypto_key: key, cache_ttl: 900
    # @raise [ConfigError] if a setting is wrong
    # @raise [NetworkError] if the network could not be set up
    def initialize(config_file: nil, **settings)
      config = Settings.of_node(config_file, settings)
      adopt { Native::Node.new(config) }
    end

    # @return [String] the name by which other members show it
    def name
      @native.name
    end

    # Opens a cache; the same name gives the same object.
    #
    # @param name [String, Symbol] 1 to 255 bytes
    # @param marshal [Boolean] also write and read what CBOR does not carry, by Ruby's Marshal. Reading it can run code of
    #   whoever has the cluster's key; so it is refused on a node without a crypto_key
    # @param settings [Hash] settings of caches over the node's, such as cache_ttl, cache_max, fail_safe
    # @return [Cache]
    # @raise [ConfigError] if a setting is wrong
    # @raise [InvalidArgumentError] if the cache is open with other settings
    # @raise [ClosedError]
    def cache(name, marshal: false, **settings)
      raise TypeError, "a cache's name is a String or a Symbol, not #{name.class}" unless name.is_a?(String) || name.is_a?(Symbol)

      require_key_for_marshal if marshal
      id = [name.to_s, marshal ? true : false]
      @lock.synchronize do
        @caches.delete(id) if @caches[id]&.closed?
        next @caches[id] if @caches[id] && settings.empty?

        opened = Cache.new(self, @native, *id, Settings.of_cache(settings))
        @caches[id] ||= opened
      end
    end
    alias [] cache

    # @return [Array<String>] the names of the caches opened through this object
    def caches
      @lock.synchronize { @caches.each_key.map(&:first).uniq.sort }
    end

    # Waits until the node has found the members that are there, and holds what they hold.
    #
    # @param timeout [Numeric, #to_f, nil] seconds; nil waits for ever
    # @return [self]
    # @raise [TimeoutError] the node works all the same, and goes on receiving
    # @raise [ClosedError]
    def wait_ready(timeout = 5)
      total = Durations.timeout_ms(timeout)
      return self if Durations.in_slices(total) { |slice| @native.wait_ready(slice) || nil }

      raise TimeoutError, "timed out after #{total} ms: the node does not yet hold what the members hold"
    end

    # @return [Array<Member>] the other members, as this node knows them now
    # @raise [ClosedError]
    def members
      found = @native.members
      Array.new(found.count) { |index| Member.of(found.item(index)) }
    end

    # @return [Array<ClusterKey>] the keys the node holds, in the order they came to it
    # @raise [ClosedError]
    def keys
      found = @native.keys
      Array.new(found.count) do |index|
        role = found.role(index)
        ClusterKey.new(found.key_id(index), KEY_ROLES.fetch(role, role), found.members(index)).freeze
      end
    end

    # Has the node open what is sealed with another key, too. For a change of the cluster's key while it runs: add the new one
    # to every node; when all have it, make it primary on every node; when {#keys} tells of no member that uses the old one,
    # on any node, remove that everywhere. Put the new key into the settings as well.
    #
    # @param key [String] "ID:KEY", as `mccache keygen` prints it; the key alone has the id 1
    # @return [self]
    # @raise [InvalidArgumentError] if it is no key, another has its id, or the node was opened without one
    # @raise [ClosedError]
    def add_key(key)
      @native.add_key(key)
      self
    end

    # Seals with another of the node's keys from now on. Members that do not hold it hear nothing of this node.
    #
    # @param id [Integer] 1 to 255
    # @return [self]
    # @raise [InvalidArgumentError] if the node has no such key
    # @raise [ClosedError]
    def set_primary_key(id)
      @native.set_primary_key(key_id(id))
      self
    end

    # Forgets a key: members that seal with it are not heard any more.
    #
    # @param id [Integer] 1 to 255
    # @return [self]
    # @raise [InvalidArgumentError] if the node has no such key, or it is the primary
    # @raise [ClosedError]
    def remove_key(id)
      @native.remove_key(key_id(id))
      self
    end

    # @return [Hash{String => Integer}] every counter of this node by its name
    def metrics
      counters(@native.counters)
    end

    # Asks all members.
    #
    # @param timeout [Numeric, #to_f] seconds to wait for answers
    # @return [Hash{String => Hash{String => Integer}, nil}] counters by the member's name, this node's first; nil for who
    #   did not answer in time; of members with the same name the second is "name (2)"
    # @raise [ClosedError]
    def cluster_metrics(timeout: 2)
      total = Durations.timeout_ms(timeout)
      answers = Durations.interruptibly { @native.cluster_metrics(total) }
      Node.by_member(answers) { |item| counters(item) }
    end

    # @param name [String, Symbol] as in the file
    # @return [String, nil] what it amounts to; nil for a secret that is set, and for a setting without effect
    # @raise [InvalidArgumentError] if there is no such setting
    def setting(name)
      @native.setting(name.to_s)
    end

    # @return [Events] a queue of what happens from now on, in all caches and to the members
    # @raise [ClosedError]
    def events
      Events.new(@native.events)
    end

    # Calls the block for each event from now on, in all caches and of the members, one after another in a thread of the
    # node's. What it raises goes to MCCache.logger.
    #
    # @yieldparam event [Event]
    # @return [Listener]
    def on_change(&block)
      @listeners.add(nil, block)
    end

    # Says goodbye and leaves the cluster; its caches and queues are closed with it. Closing again does nothing.
    # @return [void]
    def close
      @closed = true
      @listeners.clear
      @native.close
      Log.follow
      nil
    end

    # @return [Boolean] whether it was closed through this object
    def closed?
      @closed
    end

    # @return [String]
    def inspect
      "#<MCCache::Node #{name}#{": closed" if closed?}>"
    end

    # @api private
    def initialize_copy(_other)
      raise TypeError, "a Node cannot be copied: open another"
    end

    # @api private
    def forget(name)
      @lock.synchronize { @caches.delete_if { |(each, _), _| each == name } }
      @listeners.remove_all_of(name)
    end

    # @api private
    attr_reader :listeners

    private

    def adopt
      # What is said meanwhile is heard, too.
      Log.start
      @native = yield
      @lock = Mutex.new
      @caches = {}
      @closed = false
      @listeners = Listeners.new(@native)
      Lifetimes.register(self)
    ensure
      Log.follow
    end

    def counters(list)
      Array.new(list.count) { |index| [list.name(index), list.value(index)] }.to_h
    end

    def key_id(id)
      raise TypeError, "a key's id is an Integer, not #{id.class}" unless id.is_a?(Integer)
      raise InvalidArgumentError, "a key's id is 1 to 255, not #{id}" unless id.between?(1, 255)

      id
    end

    def require_key_for_marshal
      # A secret that is set is not told; one that is not is an empty text.
      return if @native.setting("crypto_key").nil?

      raise ConfigError, "marshal: true needs a crypto_key on the node: reading what Marshal wrote can run code of whoever " \
                         "wrote it, and without a key that is anybody on the network"
    end
  end

  # The nodes of the process: what has to be done when it forks, and when it ends.
  # @api private
  module Lifetimes
    @nodes = ObjectSpace::WeakMap.new
    @lock = Mutex.new
    @installed = false

    class << self
      def register(node)
        @lock.synchronize do
          @nodes[node] = true
          install unless @installed
        end
      end

      # Whether any node is open still.
      def open?
        @nodes.keys.any? { |node| !node.closed? }
      end

      private

      def install
        @installed = true
        Native._after_fork(method(:resume))
        at_exit { close_all }
      end

      # In a forked child, by its first use of a cache: starts the threads that the fork did not copy.
      def resume
        @nodes.each_key { |node| node.listeners.start unless node.closed? }
        Log.follow
      end

      # Members hear a goodbye instead of a silence, and no thread is left to run into the end.
      def close_all
        @nodes.each_key do |node|
          node.close
        rescue StandardError
          nil
        end
      end
    end
  end
  private_constant :Lifetimes
end
