# frozen_string_literal: true

require "support"
require "logger"
require "stringio"

# What is served when a load fails, takes long, or could be early.
class TestLoads < Case
  class Down < StandardError
  end

  def setup
    super
    @log = StringIO.new
    MCCache.logger = Logger.new(@log, level: :error)
    @gate = Queue.new
  end

  def teardown
    # Nobody waits for ever.
    @gate.close
    super
    MCCache.logger = nil
  end

  def down
    raise Down, "no database"
  end

  # What a block does that answers when it is told to, and not before.
  def slow
    @gate.pop
    "new"
  end

  def expired(cache, key)
    cache.put(key, ["old"], ttl: 0.001)
    eventually("the expiry") { !cache.key?(key) }
  end

  def counters(cache, *names)
    cache.node.metrics.values_at(*names)
  end

  def test_an_expired_value_is_served_while_the_block_fails
    c = alone(fail_safe: 60)
    calls = 0
    expired(c, "k")
    answers = Array.new(3) do
      c.get_or_load("k") do
        calls += 1
        down
      end
    end
    assert_equal [["old"]] * 3, answers
    assert_equal 1, calls, "for half a minute it is not tried again"
    assert_nil c["k"], "others read nothing"
    assert_equal [1, 3, 2], counters(c, "load_failures", "stale_served", "loads_throttled")
    assert_raises(Down) { c.get_or_load("another") { down } }
    assert_equal("new", c.get_or_load("k", policy: c.load_policy(fail_safe: 0)) { "new" })
    assert_equal "new", c["k"]
  end

  def test_a_tag_takes_what_was_loaded_with_it_in_the_background_too
    c = alone(load_hard_timeout: 60)
    assert_equal(1, c.get_or_load("here", tags: %w[t]) { 1 })
    quick = c.load_policy(load_hard_timeout: 0)
    assert_equal(2, c.get_or_load("here too", tags: %i[t], policy: quick) { 2 })
    assert_equal [1, 2], c.values_at("here", "here too")
    c.invalidate_tag("t")
    assert_equal [nil, nil], c.values_at("here", "here too")
  end

  def test_what_was_loaded_is_not_put_if_its_tag_was_invalidated_meanwhile
    c = alone
    answer = c.get_or_load("k", tags: %w[t]) do
      c.invalidate_tag("t")
      "loaded"
    end
    assert_equal ["loaded", nil], [answer, c["k"]]
    assert_equal 1, counters(c, "fills_overtaken").first
  end

  def test_after_the_pause_the_block_is_tried_again
    c = alone(fail_safe: 60, fail_safe_throttle: 0.05)
    expired(c, "k")
    assert_equal(["old"], c.get_or_load("k") { down })
    eventually("another try") { c.get_or_load("k") { "new" } == "new" }
  end

  def test_what_cannot_be_put_is_an_error_all_the_same
    c = alone(fail_safe: 60)
    expired(c, "k")
    assert_raises(TypeError) { c.get_or_load("k") { Object.new } }
    assert_equal(1, c.get_or_load("k", timeout: 0) { 1 })
  end

  def test_what_is_no_failure_of_the_block_is_raised_though_a_value_is_there
    c = alone(fail_safe: 60, fail_safe_throttle: 0)
    expired(c, "k")
    assert_raises(Timeout::Error) { Timeout.timeout(0.05) { c.get_or_load("k") { sleep } } }
    assert_raises(NoMemoryError) { c.get_or_load("k") { raise NoMemoryError } }
    catch(:out) { c.get_or_load("k") { throw :out } }
    assert_equal [0], counters(c, "load_failures")
    assert_equal(1, c.get_or_load("k", timeout: 0) { 1 })
  end

  def test_an_expired_value_that_cannot_be_read_is_none
    c = alone(fail_safe: 60, fail_safe_throttle: 0)
    c.__send__(:_put_as, "k", "\x80", 3, 1)
    eventually("the expiry") { !c.key?("k") }
    assert_raises(Down) { c.get_or_load("k") { down } }
    assert_equal(1, c.get_or_load("k") { 1 })
  end

  def test_a_slow_load_is_not_waited_for_and_fills
    c = alone(fail_safe: 60, load_soft_timeout: 0.02)
    expired(c, "k")
    assert_equal(["old"], c.get_or_load("k") { slow })
    assert_equal(["old"], c.get_or_load("k") { flunk }, "who waits for it is served as well")
    waiters = Array.new(2) { Thread.new { c.get_or_load("k") { flunk } } }
    assert_equal [["old"]] * 2, waiters.map(&:value)
    assert_equal [4, 4], counters(c, "loads_slow", "stale_served")
    @gate << 1
    eventually("the fill") { c["k"] == "new" }
  end

  def test_beyond_the_hard_timeout_a_load_is_an_error_and_fills
    c = alone(load_hard_timeout: 0.02)
    assert_match(/\Atimed out after 20 ms: .*goes on/, assert_raises(MCCache::TimeoutError) { c.get_or_load("k") { slow } }.message)
    assert_includes assert_raises(MCCache::TimeoutError) { c.get_or_load("k") { flunk } }.message, "after 20 ms"
    assert_equal [2], counters(c, "loads_timed_out")
    assert_raises(MCCache::TimeoutError) { c.get_or_load("k", timeout: 0.001) { flunk } }
    assert_equal [2], counters(c, "loads_timed_out"), "its own patience ended"
    @gate << 1
    eventually("the fill") { c["k"] == "new" }
  end

  def test_what_is_loaded_in_time_by_a_thread_is_answered_and_what_it_raises_is_raised
    c = alone(load_hard_timeout: 20)
    assert_equal(["mccache-load", "k"], c.get_or_load("k") { |key| [Thread.current.name, key] })
    error = assert_raises(Down) { c.get_or_load("another") { down } }
    assert_includes error.backtrace.first, __FILE__
    # As SystemExit, which ends the program wherever it is raised.
    assert_raises(NoMemoryError) { c.get_or_load("another") { raise NoMemoryError } }
    assert_raises(LocalJumpError) { c.get_or_load("another") { break } }
    assert_match(/was killed/, assert_raises(ThreadError) { c.get_or_load("another") { Thread.current.kill } }.message)
    assert_equal(1, c.get_or_load("another", timeout: 0) { 1 }, "each has ended its lease")
    assert_empty @log.string
  end

  def test_without_these_settings_the_block_runs_where_it_was_given
    c = alone(fail_safe: 60)
    assert_equal(true, c.get_or_load("k") { Thread.current == Thread.main })
  end

  def test_a_value_is_refreshed_early_by_one_and_in_the_background
    c = alone
    eager = c.load_policy(eager_refresh: 0.05)
    c.put("k", "old", ttl: 4)
    assert_equal("old", c.get_or_load("k", policy: eager) { flunk }, "too early")
    calls = Queue.new
    eventually("the refresh") do
      assert_equal("old", c.get_or_load("k", ttl: 60, policy: eager) do
        calls << 1
        slow
      end)
      counters(c, "refreshes") == [1]
    end
    5.times { assert_equal("old", c.get_or_load("k", policy: eager) { flunk }) }
    @gate << 1
    eventually("the fill") { c["k"] == "new" }
    assert_equal 1, calls.size
    assert_operator c.metadata("k").ttl, :>, 30
  end

  def test_what_a_block_raises_in_the_background_is_logged
    c = alone(eager_refresh: 0.05)
    c.put("k", "old", ttl: 2)
    eventually("the refresh") { c.get_or_load("k") { down } == "old" && counters(c, "load_failures") == [1] }
    eventually("the log") { @log.string.include?("no database") }
    assert_match(/loading "k" in the background failed: no database \(TestLoads::Down\)/, @log.string)
    assert_equal [1, 0], counters(c, "refreshes", "stale_served")
  end

  def test_a_write_wins_over_a_load_in_the_background
    c = alone(load_hard_timeout: 0.02)
    assert_raises(MCCache::TimeoutError) { c.get_or_load("k") { slow } }
    c["k"] = "written"
    @gate << 1
    eventually("the end of the load") { counters(c, "fills_overtaken") == [1] }
    assert_equal "written", c["k"]
  end

  def test_an_interrupt_of_the_caller_leaves_the_load_alone
    c = alone(load_hard_timeout: 20)
    assert_raises(Timeout::Error) { Timeout.timeout(0.05) { c.get_or_load("k") { slow } } }
    killed = Thread.new { c.get_or_load("other") { slow } }
    eventually("the wait") { killed.status == "sleep" }
    killed.kill.join
    2.times { @gate << 1 }
    eventually("the fills") { c["k"] == "new" && c["other"] == "new" }
  end

  def test_each_degradation_is_told
    c = alone(fail_safe: 60, load_hard_timeout: 0.02)
    expired(c, "k")
    events = c.events
    c.get_or_load("k") { down }
    assert_raises(MCCache::TimeoutError) { c.get_or_load("n") { slow } }
    kinds = []
    eventually("the events") { (kinds << events.pop(timeout: 0.1)&.kind).include?(:load_timed_out) }
    assert_equal %i[load_failed stale load_timed_out], kinds.compact - %i[put expire]
  end

  def test_a_policy_takes_settings_of_caches_in_their_range
    c = alone
    [{ fail_safe: 86_401 }, { eager_refresh: 1 }, { load_soft_timeout: -1 }, { cluster: "x" }, { no_such: 1 }].each do |wrong|
      assert_includes assert_raises(MCCache::ConfigError) { c.load_policy(**wrong) }.message, wrong.keys.first.to_s
    end
    assert_raises(TypeError) { c.get_or_load("k", policy: 5) { 1 } }
    assert_raises(TypeError) { c.get_or_load("k", policy: { fail_safe: 5 }) { 1 } }
    policy = c.load_policy(fail_safe: 5)
    assert_equal "#<MCCache::LoadPolicy>", policy.inspect
    c.close
    assert_raises(MCCache::ClosedError) { c.get_or_load("k", policy: policy) { 1 } }
    assert_raises(ArgumentError, TypeError) { MCCache::LoadPolicy.new }
  end

  def test_a_close_does_not_wait_for_a_load_in_the_background
    one = node(load_hard_timeout: 0.02)
    c = one.cache("c")
    assert_raises(MCCache::TimeoutError) { c.get_or_load("k") { slow } }
    one.close
    @gate << 1
    eventually("the log") { @log.string.include?("(MCCache::ClosedError)") }
  end

  def test_a_child_loads_what_its_parent_s_threads_were_loading
    succeeds(<<~RUBY)
      require "mccache"
      MCCache.logger = nil
      c = MCCache.node.cache("c", load_hard_timeout: 0.02)
      gate = Queue.new
      begin
        c.get_or_load("k") { gate.pop; "parent's" }
        raise "it was waited for"
      rescue MCCache::TimeoutError
      end
      pid = fork do
        raise "waits" unless c.get_or_load("k", timeout: 0, policy: c.load_policy(load_hard_timeout: 20)) { "child's" } == "child's"
        raise "filled" unless c["k"] == "child's"
      end
      raise "the child failed" unless Process.wait2(pid)[1].success?
      gate << 1
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 20
      until c.key?("k")
        raise "no fill" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
        sleep 0.01
      end
    RUBY
  end

  def test_a_process_ends_while_a_block_loads_in_the_background
    succeeds(<<~RUBY)
      require "mccache"
      c = MCCache.node.cache("c", load_hard_timeout: 0.02)
      begin
        c.get_or_load("k") { sleep }
      rescue MCCache::TimeoutError
      end
    RUBY
  end
end
