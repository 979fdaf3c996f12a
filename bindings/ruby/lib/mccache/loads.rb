# frozen_string_literal: true

module MCCache
  # How values of a cache are loaded: its settings, with others over them. From Cache#load_policy.
  class LoadPolicy < Native::LoadPolicy
    private(*Native::LoadPolicy.instance_methods(false))

    # How long whoever waits for a load waits, in ms.
    # @api private
    def patience_ms(has_expired)
      patience(has_expired)
    end

    # @return [String]
    def inspect
      "#<MCCache::LoadPolicy>"
    end
  end

  # One load that has its lease: run by whoever is to, waited for by whoever wants to.
  #
  # A block runs in its caller's thread. If that is not to wait for its end, in one of its own, which fills the cache when it
  # is done. What is served, who loads and who waits for how long is decided in the core, by a policy.
  #
  # Invariant: whatever leaves the frame that got a lease, an interrupt too, ends it, unless a thread has taken it over; and
  # then that thread does.
  # @api private
  class Load
    # What the core begins a load with, and what it is told of one.
    REFRESH = 1
    LEASE = 4
    NOTE_STALE = 0
    NOTE_SLOW = 1
    NOTE_TIMED_OUT = 2

    # With what a loaded value is put: its time to live, and its tags as C takes them.
    Terms = Struct.new(:ttl_ms, :tags)

    # @param held [Native::Value, nil] what is served if it fails or takes long
    # @param terms [Terms]
    def initialize(cache, key, state, held, lease, terms)
      @cache = cache
      @key = key
      @is_refresh = state == REFRESH
      @held = held
      @lease = lease
      @terms = terms
      @error = nil
      @is_loaders = false
      @has_ended = false
      @nobody_waits = false
    end

    # @return [Object] what whoever asked gets
    def value(policy, loader)
      patience_ms = @is_refresh ? 0 : policy.patience_ms(!@held.nil?)
      if patience_ms == Durations::FOREVER_MS
        run(loader)
        return outcome
      end
      return refreshed(loader) if @is_refresh

      thread = start(loader)
      thread.join(patience_ms / 1000.0) ? outcome : late(thread, patience_ms)
    end

    private

    def run(loader)
      object = loader.call(@key)
    rescue StandardError => error
      @lease.failed
      @is_loaders = true
      ended(error)
    else
      fill(object)
    end

    def fill(object)
      @lease.fill(@cache, object, @terms.ttl_ms, @terms.tags)
      @value = object
      ended(nil)
    rescue StandardError => error
      ended(error)
    end

    def ended(error)
      @error = error
      @has_ended = true
    end

    # Without a thread there is no refresh: a later caller tries again.
    def refreshed(loader)
      @nobody_waits = true
      begin
        start(loader)
      rescue ThreadError
        @lease.give_up
      end
      @held.object(@cache)
    end

    # A thread inherits what its maker defers: nothing comes between the lease and who is to end it.
    def start(loader)
      Thread.handle_interrupt(Object => :never) do
        thread = Thread.new do
          Thread.handle_interrupt(Object => :immediate) do
            run(loader)
            report if @nobody_waits
          end
        ensure
          @lease.give_up
        end
        @lease.hand_over
        thread.name = "mccache-load"
        thread.report_on_exception = false
        thread
      end
    end

    # What was loaded; or what is held in its place, or what the block raised.
    def outcome
      raise ThreadError, "the thread that loaded #{@key.inspect} was killed" unless @has_ended
      return @value unless @error

      served_instead { |object| return object } if @is_loaders && @held
      raise @error
    end

    # What cannot be read is none.
    def served_instead
      object = @held.object(@cache)
      note(NOTE_STALE) unless @is_refresh
      yield object
    rescue CodecError
      nil
    end

    def late(thread, waited_ms)
      @nobody_waits = true
      # It may have ended since.
      return outcome if thread.join(0)

      note(@held ? NOTE_SLOW : NOTE_TIMED_OUT)
      return @held.object(@cache) if @held

      raise TimeoutError, "timed out after #{waited_ms} ms: the block that loads #{@key.inspect}, which goes on"
    end

    # Has the core count and tell it.
    def note(number)
      @cache.__send__(:_note_load, @key, number)
    end

    def report
      MCCache.log_failure("loading #{@key.inspect} in the background failed", @error) if @error
    end
  end
  private_constant :Load

  # The part of a Cache that loads.
  # @api private
  module Loading
    private

    # Waits for another thread's load. The block is called with a lease.
    def await_load(key, total_ms, policy, &with_lease)
      begun = nil
      slice_ms = 0
      until (found = _load(key, slice_ms, policy, &with_lease))&.length == 1
        begun ||= Durations.now_ms
        # With a second item it is an expired value, to be served when patience ends.
        patience_ms = [policy.patience_ms(!found.nil?), total_ms].min
        left_ms = patience_ms - (Durations.now_ms - begun)
        return waited_enough(key, found, policy, total_ms) if left_ms <= 0

        slice_ms = [left_ms, Durations::SLICE_MS].min
      end
      found.first
    end

    def waited_enough(key, found, policy, total_ms)
      if found
        _note_load(key, Load::NOTE_SLOW)
        return found.first
      end
      hard_ms = policy.patience_ms(false)
      _note_load(key, Load::NOTE_TIMED_OUT) if hard_ms <= total_ms && hard_ms != Durations::FOREVER_MS
      raise TimeoutError, "timed out after #{[hard_ms, total_ms].min} ms: another thread is still loading #{key.inspect}"
    end
  end
  private_constant :Loading
end
