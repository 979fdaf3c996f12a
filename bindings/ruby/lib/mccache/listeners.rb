# frozen_string_literal: true

module MCCache
  # A block that hears of events: what Cache#on_change and Node#on_change answer.
  class Listener
    # @api private
    attr_reader :cache

    # @api private
    def initialize(listeners, cache, block)
      @listeners = listeners
      @cache = cache
      @block = block
    end

    # Ends it: it is not called again once the call that may be going on has returned. Stopping again does nothing.
    # @return [void]
    def stop
      @listeners.remove(self)
      nil
    end

    # @api private
    def call(event)
      @block.call(event)
    end
  end

  # The listeners of one node, and the thread that calls them, one event after another. The thread runs while there are
  # listeners, and is started again by the first use of a cache in a forked child.
  #
  # Invariant: what a listener raises is logged and ends nothing; no lock is held while one runs.
  # @api private
  class Listeners
    # How long the node's close waits for a listener that runs.
    STOP_WAIT_S = 1

    def initialize(native)
      @native = native
      @lock = Mutex.new
      @list = [].freeze
      @events = nil
      @thread = nil
    end

    def add(cache, block)
      raise ArgumentError, "on_change needs a block" unless block

      listener = Listener.new(self, cache, block)
      @lock.synchronize do
        # The thread first: on a closed node it raises, and nothing is added.
        start_thread unless @thread&.alive?
        @list = [*@list, listener].freeze
      end
      listener
    end

    def remove(listener)
      end_thread { @list = @list.reject { |each| each.equal?(listener) }.freeze }
    end

    def remove_all_of(cache)
      end_thread { @list = @list.reject { |each| each.cache == cache }.freeze }
    end

    def clear
      end_thread { @list = [].freeze }
    end

    # In a forked child: the thread was not copied, and the queue was the parent's.
    def start
      @lock.synchronize { start_thread unless @list.empty? || @thread&.alive? }
    end

    private

    def start_thread
      events = Events.new(@native.events)
      @events = events
      @thread = Thread.new { run(events) }
      @thread.name = "mccache-listeners"
    end

    # Ends the thread if the block leaves no listener. Waits for one that runs, but not for ever and not for itself.
    def end_thread
      events, thread = @lock.synchronize do
        yield
        next unless @list.empty?

        ended = [@events, @thread]
        @events = @thread = nil
        ended
      end
      events&.close
      thread.join(STOP_WAIT_S) unless thread.nil? || thread == Thread.current
    end

    def run(events)
      events.each { |event| deliver(event) }
    rescue StandardError => error
      MCCache.log_failure("taking events failed, listeners hear no more", error)
    end

    def deliver(event)
      @list.each do |listener|
        next unless listener.cache.nil? || listener.cache == event.cache || event.kind == :overflow

        begin
          listener.call(event)
        rescue StandardError => error
          MCCache.log_failure("a listener of #{listener.cache || "a node"} failed", error)
        end
      end
    end
  end
end
