# frozen_string_literal: true

module MCCache
  # The core's log, handed to MCCache.logger by a thread of its own, as long as there is a logger and a node.
  #
  # Invariant: the core calls nothing of Ruby's, so a slow logger holds up nobody but this thread, and what does not fit the
  # queue meanwhile is counted. No lock is held while the logger is called.
  # @api private
  module Log
    # By the core's numbers, which begin at 1. Ruby has no name for the last, traces: they are in log_filename alone.
    NAMES = %i[error warn info debug].freeze
    SEVERITIES = { error: 3, warn: 2, info: 1, debug: 0 }.freeze
    # How soon a level that was changed is followed, ms: nothing tells of a change.
    LOOK_MS = 1_000
    # How long the end waits for a logger that is slow.
    STOP_WAIT_S = 1

    @lock = Mutex.new
    @queue = nil
    @thread = nil

    class << self
      # Before a node is opened: its first words are to be heard.
      def start
        logger = MCCache.logger_of_core
        listen(logger) if logger
      end

      # When a node was closed, when another logger was set, and in a forked child with the first use of a cache.
      def follow
        logger = MCCache.logger_of_core
        logger && Lifetimes.open? ? listen(logger) : stop
      end

      # Hands on what is queued, and ends the thread.
      def stop
        queue, thread = @lock.synchronize do
          ended = [@queue, @thread]
          @queue = @thread = nil
          ended
        end
        queue&.close
        thread.join(STOP_WAIT_S) unless thread.nil? || thread == Thread.current
      end

      private

      def listen(logger)
        level = level_of(logger)
        @lock.synchronize do
          # In a forked child the thread was not copied.
          if @thread&.alive?
            @queue.set_level(level)
          else
            queue = @queue = Native::Logs.new(level)
            @thread = Thread.new { run(queue, level) }
            @thread.name = "mccache-log"
          end
        end
      end

      def run(queue, level)
        while true
          record = queue.poll(LOOK_MS)
          logger = MCCache.logger_of_core
          next unless logger

          hand_on(logger, *record) if record
          wanted = level_of(logger)
          queue.set_level(level = wanted) unless level == wanted
        end
      rescue ClosedError
        # And empty.
      end

      def hand_on(logger, number, _time_ms, target, message, dropped)
        write(logger, :warn, target, "#{dropped} records of the log were dropped: the logger is slow") if dropped.positive?
        write(logger, NAMES.fetch(number - 1, :debug), target, message)
      rescue StandardError
        # A logger that fails must not end the thread, and there is nowhere to log it.
        nil
      end

      def write(logger, name, target, message)
        return unless hears?(logger, name)

        if logger.respond_to?(:add)
          logger.add(SEVERITIES.fetch(name), message, target)
        else
          logger.public_send(name, "#{target}: #{message}")
        end
      end

      # The finest level of the core that the logger lets pass.
      def level_of(logger)
        (NAMES.rindex { |name| hears?(logger, name) } || 0) + 1
      rescue StandardError
        1
      end

      def hears?(logger, name)
        return false unless logger.respond_to?(name)

        logger.respond_to?(:"#{name}?") ? logger.public_send(:"#{name}?") : true
      end
    end
  end
  private_constant :Log
end
