# frozen_string_literal: true

module MCCache
  # An invalidation in two steps, around a transaction of the database that a cache is loaded from: Cache#invalidating.
  class Invalidation
    # @api private
    def initialize(cache, keys, limit, timeout)
      seconds = Durations.seconds(limit, "limit")
      raise InvalidArgumentError, "limit: #{limit.inspect} must be above 0 seconds" unless seconds.positive?

      @limit_ms = Durations.timeout_ms(limit)
      @timeout_ms = Durations.timeout_ms(timeout)
      @native = Native::Invalidation.new(cache)
      keys.each { |key| @native.add(key) }
      @complete = false
      @in_time = nil
      @begun = false
    end

    # @return [Boolean] whether every live member has answered in time; if not, some may show what was before the transaction
    #   until they hear of the end
    def complete?
      @complete
    end

    # @return [Boolean, nil] whether it ended before its limit; nil until it ends, and after {#abort}
    def in_time?
      @in_time
    end

    # Ends it within the block, as the transaction was rolled back for certain. The end of the block does nothing then.
    # @return [self]
    def abort
      @begun = false
      @native.abort
      self
    end

    # Invariant: what has begun ends, whatever leaves the block, and an interrupt while it begins too: then with its object.
    # @api private
    def around
      @complete = Durations.interruptibly { @native.start(@limit_ms, @timeout_ms) }
      @begun = true
      yield self
    ensure
      if @begun
        @begun = false
        @in_time = @native.commit
      end
    end

    # @return [String]
    def inspect
      "#<MCCache::Invalidation #{@begun ? "begun" : "not going on"}>"
    end
  end
end
