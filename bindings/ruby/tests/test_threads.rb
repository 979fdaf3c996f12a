# frozen_string_literal: true

require "support"

# Threads, loading, and closing while others are inside.
class TestThreads < Case
  THREADS = 6

  def run_all(count = THREADS)
    threads = Array.new(count) do |number|
      Thread.new { yield number }.tap { |thread| thread.report_on_exception = false }
    end
    threads.map(&:value)
  end

  def test_threads_share_a_cache
    c = cache
    run_all do |number|
      dice = Random.new(number)
      3000.times do |round|
        key = "k#{dice.rand(50)}"
        value = c[key]
        raise "#{key}: #{value}" unless value.nil? || value[0] == key

        c[key] = [key, number, round]
        c.take(key) if (round % 10).zero?
        [c.to_h, c.size, c.stats, c.checksum] if (round % 500).zero?
      end
    end
    assert_operator c.size, :<=, 50
  end

  def test_closing_under_load_answers_closed_and_nothing_else
    5.times do
      one = node
      c = one.cache("c")
      c.on_change { nil }
      closer = Thread.new do
        sleep 0.05
        one.close
      end
      ended = run_all do |number|
        work_until_closed(c, number)
      end
      closer.join
      assert_equal [:closed] * THREADS, ended
    end
  end

  def test_one_thread_loads_and_the_others_get_what_it_loaded
    c = cache
    loads = Queue.new
    answers = run_all do
      c.get_or_load("k") do |key|
        loads << key
        sleep 0.05
        { "loaded" => loads.size }
      end
    end
    assert_equal [{ "loaded" => 1 }], answers.uniq
    assert_equal 1, loads.size
  end

  def test_what_was_loaded_has_the_time_to_live_it_was_given
    c = alone
    assert_equal(1, c.get_or_load("k", ttl: 60) { 1 })
    assert_in_delta 60, c.metadata("k").ttl, 5
    assert_nil(c.get_or_load("nil") { nil })
    assert c.key?("nil")
    assert_raises(ArgumentError) { c.get_or_load("k") }
  end

  def test_a_load_that_raises_passes_it_on_and_the_next_waiter_loads
    c = alone
    first = Thread.new do
      c.get_or_load("k") do
        sleep 0.1
        raise IOError, "no database"
      end
    end
    first.report_on_exception = false
    eventually("the load") { first.status == "sleep" }
    assert_equal(2, c.get_or_load("k") { 2 })
    assert_equal "no database", assert_raises(IOError) { first.value }.message
    assert_equal 2, c["k"]
  end

  def test_leaving_the_loading_block_in_any_way_ends_the_lease
    c = alone
    assert_equal 7, leave_by_return(c)
    catch(:out) { c.get_or_load("k") { throw :out } }
    [1].each { c.get_or_load("k") { break } }
    assert_raises(TypeError) { c.get_or_load("k") { Object.new } }
    killed = Thread.new { c.get_or_load("k") { sleep } }
    eventually("the load") { killed.status == "sleep" }
    killed.kill.join
    assert_raises(Timeout::Error) { Timeout.timeout(0.05) { c.get_or_load("k") { sleep } } }
    refute c.key?("k")
    assert_equal(1, c.get_or_load("k", timeout: 1) { 1 })
  end

  def test_a_write_that_comes_while_a_value_is_loaded_wins
    c = alone
    assert_equal("loaded", c.get_or_load("k") do
      c["k"] = "written"
      "loaded"
    end)
    assert_equal "written", c["k"]
    c.delete("k")
    assert_equal("loaded", c.get_or_load("k") do
      c.delete("k")
      "loaded"
    end)
    refute c.key?("k")
  end

  def test_waiting_for_another_load_ends_in_time_and_by_an_interrupt
    c = alone
    loading = Thread.new { c.get_or_load("k") { sleep } }
    eventually("the load") { loading.status == "sleep" }
    error = assert_raises(MCCache::TimeoutError) { c.get_or_load("k", timeout: 0.05) { flunk } }
    assert_includes error.message, '"k"'
    assert_raises(Timeout::Error) { c.get_or_load("k", timeout: 0) { flunk } }
    started = MCCache::Durations.now_ms
    waiting = Thread.new { c.get_or_load("k", timeout: nil) { flunk } }
    eventually("the wait") { waiting.status == "sleep" }
    waiting.kill.join
    assert_operator MCCache::Durations.now_ms - started, :<, 5000
    loading.kill.join
    assert_equal(1, c.get_or_load("k") { 1 })
  end

  def test_a_load_of_the_own_key_does_not_wait_for_ever
    c = alone
    error = assert_raises(MCCache::TimeoutError) { c.get_or_load("k") { c.get_or_load("k", timeout: 0.1) { flunk } } }
    assert_includes error.message, "still loading"
  end

  def test_sync_and_the_cluster_queries_can_be_interrupted
    one = node
    c = one.cache("c")
    [-> { c.sync(60) }, -> { c.cluster_checksum(timeout: 60) }, -> { one.cluster_metrics(timeout: 60) }].each do |call|
      waiting = Thread.new(&call)
      waiting.kill.join(SOON_S) || flunk("not ended")
    end
    assert_same c, c.sync
    assert_equal [one.name], c.cluster_checksum.keys
    assert_equal [one.name], one.cluster_metrics.keys
  end

  def test_members_tell_their_figures
    a = node(node_name: "a")
    b = node(node_name: "b")
    [a, b].each { |each| each.wait_ready(SOON_S) }
    a.cache("c")["k"] = 1
    b.cache("c")
    a.cache("c").sync(SOON_S)
    eventually("the members") { a.members.map(&:name) == ["b"] && a.members.first.state == :alive }
    member = a.members.first
    assert_match(/\A\h{24}\z/, member.session)
    assert_equal MCCache.version, member.version
    assert_equal %w[a b], a.cluster_metrics.keys.sort
    sums = a.cache("c").cluster_checksum
    assert_equal %w[a b], sums.keys.sort
    assert_equal [a.cache("c").checksum], sums.values.uniq
    assert_operator a.metrics.size, :>, 10
  end

  def test_members_of_one_name_are_told_apart
    a = node(node_name: "same")
    b = node(node_name: "same")
    c = a.cache("c")
    eventually("the member") { a.members.size == 1 }
    c["k"] = 1
    c.sync(SOON_S)
    eventually("the put") { b.cache("c").key?("k") }
    assert_equal ["same", "same (2)"], c.cluster_checksum(timeout: SOON_S).keys
    assert_equal ["same", "same (2)"], a.cluster_metrics(timeout: SOON_S).keys
  end

  def test_a_ractor_is_refused_with_an_error_that_says_so
    skip("this Ruby has no Ractor") unless defined?(Ractor)
    output = succeeds(<<~RUBY)
      require "mccache"
      Warning[:experimental] = false
      MCCache.cache("c")["k"] = 1
      %w[own new].each do |which|
        ractor = Ractor.new(which) do |which|
          Thread.current.report_on_exception = false
          which == "own" ? MCCache.cache("c")["k"] : MCCache::Node.new
        end
        begin
          ractor.respond_to?(:value) ? ractor.value : ractor.take
        rescue Ractor::RemoteError => error
          puts error.cause.class, error.cause.message
        end
      end
    RUBY
    assert_equal 2, output.scan("Ractor::UnsafeError").length, output
    assert_includes output, "mccache works in the main Ractor"
  end

  private

  def leave_by_return(cache)
    cache.get_or_load("k") { return 7 }
  end

  def work_until_closed(cache, number)
    round = 0
    loop do
      cache["k#{round % 100}"] = round
      [cache["k5"], cache.size, cache.key?("k7")]
      cache.each { break }
      if (round % 50).zero?
        [cache.view("k0"), cache.sync(1)]
        cache.get_or_load("l#{number}") { round }
      end
      round += 1
    end
  rescue MCCache::ClosedError
    :closed
  end
end
