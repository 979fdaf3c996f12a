# frozen_string_literal: true

module MCCache
  # Times of Ruby's, which are seconds, as the core's, which are milliseconds.
  # @api private
  module Durations
    # As a time to live: the cache's own setting. As any time: without end.
    DEFAULT_MS = 0
    FOREVER_MS = (2**63) - 1
    # Longer times than a century are for ever: they would only overflow somewhere.
    LONGEST_MS = 100 * 366 * 24 * 3600 * 1000
    # Longest stay inside a wait that nothing can cut short.
    SLICE_MS = 100

    class << self
      # @param ttl [Numeric, #to_f, nil] seconds above 0; nil: the cache's setting; Float::INFINITY: no end
      def ttl_ms(ttl)
        return DEFAULT_MS if ttl.nil?

        seconds = seconds(ttl, "ttl")
        return ms(seconds) if seconds.positive?

        raise InvalidArgumentError, "ttl: #{ttl.inspect} must be above 0 seconds; nil is the cache's own, " \
                                    "Float::INFINITY is for ever"
      end

      # @param timeout [Numeric, #to_f, nil] seconds, 0 or more; nil: waits for ever
      def timeout_ms(timeout)
        return FOREVER_MS if timeout.nil?

        seconds = seconds(timeout, "timeout")
        return ms(seconds) unless seconds.negative?

        raise InvalidArgumentError, "timeout: #{timeout.inspect} is negative; 0 does not wait, nil waits for ever"
      end

      # Calls with a number of milliseconds again and again until it answers something, or the time is over.
      # @return [Object, nil] what it answered
      def in_slices(total_ms)
        deadline = now_ms + total_ms
        left = total_ms
        # Not `loop`, which would take a StopIteration of the block's for its own.
        until (answer = yield left.clamp(0, SLICE_MS))
          return nil if left <= 0

          left = deadline - now_ms
        end
        answer
      end

      # Runs a call that must not be cut into slices where it can be left alone: an interrupt ends the wait for it, and it
      # ends by itself with its own timeout.
      def interruptibly(&call)
        thread = Thread.new(&call)
        thread.report_on_exception = false
        thread.name = "mccache-wait"
        thread.value
      end

      def now_ms
        Process.clock_gettime(Process::CLOCK_MONOTONIC, :millisecond)
      end

      # @return [Float]
      def seconds(value, name)
        # A Time, a String and nil answer to_f, and mean something else.
        number = case value
                 when String, Symbol, Time, nil, true, false then nil
                 else value.to_f if value.respond_to?(:to_f)
                 end
        raise TypeError, "#{name}: seconds are a number or a duration, not #{value.class}" unless number
        raise InvalidArgumentError, "#{name}: not a number of seconds" if number.nan?

        number
      end

      private

      # Rounds up, so that no time above zero becomes none.
      def ms(seconds)
        ms = seconds * 1000
        ms > LONGEST_MS ? FOREVER_MS : ms.ceil
      end
    end
  end
end
