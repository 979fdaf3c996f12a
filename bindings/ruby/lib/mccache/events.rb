# frozen_string_literal: true

module MCCache
  # A queue of what happens, from the moment it was opened: Cache#events, Node#events.
  #
  # It is Enumerable: `each` waits for the next event, and ends when the queue, its cache or its node is closed. It holds
  # 65,536: who does not keep up gets one event of kind :overflow that tells how many were dropped. It may be used
  # from any threads; each event goes to one of them. In a forked child the queues of the parent are closed.
  class Events
    include Enumerable

    # @api private
    def initialize(native)
      @native = native
      # The core's next is for one thread at a time: its event is overwritten by the following call.
      @turn = Mutex.new
      @free = ConditionVariable.new
      @taker = nil
    end

    # Takes the next event, or waits for one. Other threads run meanwhile; Ctrl-C, Thread#kill and Timeout end the wait.
    #
    # @param timeout [Numeric, #to_f, nil] seconds; nil waits for ever
    # @return [Event, nil] nil if there was none in time
    # @raise [ClosedError] once it is closed and empty
    def pop(timeout: nil)
      total = Durations.timeout_ms(timeout)
      deadline = Durations.now_ms + total
      loop do
        left = total == Durations::FOREVER_MS ? total : [deadline - Durations.now_ms, 0].max
        raw = in_turn(left) { @native.poll(left) }
        return Event.of(raw) if raw
        return nil if left.zero?
      end
    end
    alias shift pop

    # @yieldparam event [Event]
    # @return [self, Enumerator]
    def each
      return enum_for(:each) unless block_given?

      # Not `loop`, which would take a StopIteration of the block's for its own.
      while (event = next_or_end)
        yield event
      end
      self
    end

    # Ends the queue, for a thread that waits in it too: those that are in it can still be taken. Closing again does nothing.
    # @return [void]
    def close
      @native.close
      nil
    end

    # @return [String]
    def inspect
      "#<MCCache::Events>"
    end

    private

    # Has the block run by one thread at a time. Nil, and it is not run, if another thread's runs for so long: whoever waits
    # without end in the core must not hold up one who said how long he waits.
    def in_turn(left_ms)
      @turn.synchronize do
        # One that is not alive was a thread of this process's parent, or was killed.
        if @taker&.alive?
          @free.wait(@turn, left_ms == Durations::FOREVER_MS ? nil : left_ms / 1000.0) if left_ms.positive?
          return nil if @taker&.alive?
        end
        @taker = Thread.current
      end
      begin
        yield
      ensure
        @turn.synchronize do
          @taker = nil
          @free.signal
        end
      end
    end

    def next_or_end
      pop
    rescue ClosedError
      nil
    end
  end
end
