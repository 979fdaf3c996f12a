# frozen_string_literal: true

require "active_support"
require "active_support/cache"
require "mccache"

module ActiveSupport
  module Cache
    # A store for Rails' cache, over an MCCache::Cache: reads stay in the process, writes go to every process.
    #
    #     config.cache_store = :mccache_store, "rails", { expires_in: 1.hour }
    #
    # What differs from Rails' own stores:
    # * Values cross as CBOR: Symbols come back as Strings, also as keys of Hashes. What CBOR does not carry is a TypeError,
    #   unless the store is made with marshal: true, which needs a crypto_key. Other languages read the same entries.
    # * Entries expire in the core; cleanup has nothing to do.
    # * increment and decrement are one step among the threads of this process. Across processes there is no
    #   compare-and-set: of two at the same time the later one wins.
    # * delete_matched takes a Regexp, and reads every key that this process holds.
    # * fetch, write and their likes take tags: %w[user:7], by which invalidate_tag takes all that was written with one, on every
    #   member. They are in the store's namespace, as keys are. An expired entry that race_condition_ttl keeps has none.
    # * fetch, with race_condition_ttl, keeps an expired entry that long for others to read while one recomputes it. Without
    #   it a value is loaded by every thread that misses; MCCache::Cache#get_or_load loads it once a process.
    class MccacheStore < Store
      # An entry with more than a value: [value, expires at (seconds since 1970, or nil), version]. The number is private
      # ("mccR" in ASCII), so that no other program takes the tag for its own.
      ENTRY_TAG = 0x6d636352
      MISSING = Object.new.freeze
      # What of the options is the cache's own; all others are Rails'.
      SETTINGS = %i[cache_ttl cache_max cache_size cache_mode max_value eager_refresh fail_safe fail_safe_throttle
                    load_soft_timeout load_hard_timeout].freeze
      private_constant :ENTRY_TAG, :MISSING, :SETTINGS

      # Rails' recyclable keys work: an entry knows its version.
      def self.supports_cache_versioning?
        true
      end

      # Opens nothing yet: the first use does.
      #
      # @param name [String] the cache's name in the cluster
      # @param node [MCCache::Node, nil] nil: the process's own
      # @param marshal [Boolean] as MCCache::Node#cache
      # @param options [Hash] Rails' (namespace, expires_in, race_condition_ttl, ...), and a cache's settings (cache_size, ...)
      def initialize(name = "rails", node: nil, marshal: false, **options)
        settings, rails = options.partition { |key, _| SETTINGS.include?(key) }.map(&:to_h)
        # The core holds what was written as it is; Rails' compression would need Marshal.
        super({ compress: false }.merge(rails))
        @name = name
        @node = node
        @marshal = marshal
        @settings = settings
        @lock = Monitor.new
      end

      # @return [MCCache::Cache] what is under it
      def cache
        @cache || @lock.synchronize { @cache ||= (@node || MCCache).cache(@name, marshal: @marshal, **@settings) }
      end

      # @return [Integer] the new number; a key without a value starts from 0
      def increment(name, amount = 1, options = nil)
        change(:increment, name, amount, options)
      end

      # @return [Integer] the new number; a key without a value starts from 0
      def decrement(name, amount = 1, options = nil)
        change(:decrement, name, -amount, options)
      end

      # @param matcher [Regexp]
      # @return [Integer] how many this process knew of
      def delete_matched(matcher, options = nil)
        raise ArgumentError, "delete_matched takes a Regexp, not #{matcher.class}" unless matcher.is_a?(Regexp)

        options = merged_options(options)
        instrument(:delete_matched, matcher.inspect) do
          pattern = key_matcher(matcher, options)
          cache.each_key.count { |key| key.match?(pattern) && cache.remove(key) }
        end
      end

      # Deletes all entries, on every member; with a namespace those of it that this process knows.
      def clear(options = nil)
        options = merged_options(options)
        options[:namespace] ? delete_matched(//, options) : cache.clear
        true
      end

      # Makes every entry that was written with this tag a miss, on every member, as MCCache::Cache#invalidate_tag.
      #
      # @param tag [String, Symbol]
      # @param options [Hash] namespace, if it is another than the store's
      # @return [true]
      def invalidate_tag(tag, options = nil)
        options = merged_options(options)
        instrument(:invalidate_tag, tag) do
          cache.invalidate_tag(tags_in_namespace([tag], options).first)
          true
        end
      end

      # The core takes expired entries out by itself.
      def cleanup(_options = nil)
        true
      end

      # @return [String]
      def inspect
        "#<#{self.class.name} #{@name} options=#{@options.inspect}>"
      end

      private

      def read_entry(key, **_options)
        value = cache.fetch(key, MISSING)
        return nil if MISSING.equal?(value)
        return Entry.new(value, compress: false) unless value.is_a?(MCCache::Tagged) && value.tag == ENTRY_TAG

        value, expires_at, version = value.value
        Entry.new(value, compress: false, version: version, expires_in: expires_at && (expires_at - Time.now.to_f))
      end

      # A plain value where that is all there is: then other languages read it as it is.
      def write_entry(key, entry, race_condition_ttl: nil, tags: nil, **options)
        expires_at = entry.expires_at&.to_f
        left = expires_at && (expires_at - Time.now.to_f)
        return forget(key) if left && left <= 0

        late = race_condition_ttl.to_f
        keep_expired = left && late.positive?
        value = entry.value
        value = MCCache::Tagged.new(ENTRY_TAG, [value, expires_at, entry.version]) if keep_expired || entry.version
        cache.put(key, value, ttl: keep_expired ? left + late : left, tags: tags && tags_in_namespace(tags, options))
        true
      end

      # What is no list of texts is left to the cache to refuse.
      def tags_in_namespace(tags, options)
        return tags unless tags.respond_to?(:map)

        tags.map { |tag| tag.is_a?(String) || tag.is_a?(Symbol) ? namespace_key(tag.to_s, options) : tag }
      end

      def delete_entry(key, **_options)
        cache.remove(key)
      end

      def forget(key)
        cache.remove(key)
        true
      end

      def change(operation, name, amount, options)
        options = merged_options(options)
        key = normalize_key(name, options)
        instrument(operation, name, amount: amount) do
          @lock.synchronize do
            entry = read_entry(key)
            expired = entry.nil? || entry.expired?
            number = expired ? amount : Integer(entry.value || 0) + amount
            tags = options[:tags] && tags_in_namespace(options[:tags], options)
            cache.put(key, number, ttl: options[:expires_in] || (expired ? nil : time_left(key)), tags: tags)
            number
          end
        end
      end

      # What a counter has left of its time: counting does not prolong it.
      def time_left(key)
        known = cache.metadata(key)
        return nil unless known

        known.ttl.nil? ? Float::INFINITY : [known.ttl, 0.001].max
      end
    end
  end
end
