# frozen_string_literal: true

require "support"
require "logger"
require "stringio"

# Queues of events, and listeners.
class TestEvents < Case
  def teardown
    super
    MCCache.logger = nil
  end

  def test_every_kind_has_its_name
    a = node
    events = a.events
    c = a.cache("c", cache_max: 2)
    c["k"] = 1
    c.delete("k")
    c.clear
    c.put("short", 1, ttl: 0.02)
    seen = kinds_until(events, %i[put delete clear expire])
    8.times { |number| c["k#{number}"] = 1 }
    b = node
    seen += kinds_until(events, %i[evict member_joined])
    b.close
    seen += kinds_until(events, %i[member_left])
    assert_empty seen - MCCache::EVENT_KINDS.values
  end

  def test_an_event_is_a_frozen_record
    c = alone
    events = c.events
    c["\xff\x00".b] = 1
    event = events.pop(timeout: SOON_S)
    assert_equal [:put, true, true, "c", "\xff\x00".b, c.node.name, 0],
                 [event.kind, event.local, event.local?, event.cache, event.key, event.member, event.dropped]
    assert_equal Encoding::BINARY, event.key.encoding
    assert event.frozen?
  end

  def test_changes_of_what_was_read_are_told_and_no_others
    c = alone
    c["read"] = c["unread"] = 1
    events = c.events_of_lookups(SOON_S)
    assert_equal 1, c["read"]
    c["unread"] = c["read"] = 2
    event = events.pop(timeout: SOON_S)
    assert_equal [:put, "read", true], [event.kind, event.key, event.local?]
    c.delete("read")
    assert_equal :delete, events.pop(timeout: SOON_S).kind
    assert_nil events.pop(timeout: 0)
    assert_raises(MCCache::InvalidArgumentError) { c.events_of_lookups(0) }
  end

  def test_pop_waits_no_longer_than_it_is_told
    events = alone.events
    started = MCCache::Durations.now_ms
    assert_nil events.pop(timeout: 0)
    assert_nil events.pop(timeout: 0.1)
    assert_operator MCCache::Durations.now_ms - started, :<, 5000
    assert_operator MCCache::Durations.now_ms - started, :>=, 100
    assert_raises(TypeError) { events.pop(timeout: "1") }
  end

  def test_pop_waits_no_longer_than_it_is_told_while_another_thread_waits_for_ever
    c = alone
    events = c.events
    waiter = Thread.new { events.pop }
    eventually("the wait") { waiter.status == "sleep" }
    started = MCCache::Durations.now_ms
    assert_nil events.pop(timeout: 0)
    assert_nil events.pop(timeout: 0.1)
    assert_operator MCCache::Durations.now_ms - started, :<, 5000
    c["k"] = 1
    assert_equal "k", waiter.value.key
    # A thread that is killed in its wait leaves the queue to the others.
    killed = Thread.new { events.pop }
    eventually("the wait") { killed.status == "sleep" }
    killed.kill.join
    c["l"] = 1
    assert_equal "l", events.pop(timeout: SOON_S).key
  end

  def test_queues_and_nodes_are_closed_while_events_come
    8.times do |round|
      a = node
      c = a.cache("c")
      events = a.events
      heard = Queue.new
      listener = c.on_change { |event| heard << event.key }
      threads = Array.new(2) { |number| Thread.new { loop { (c["k#{number}"] = 1) && sleep(0.0001) } } }
      threads.each { |thread| thread.report_on_exception = false }
      threads << Thread.new { events.each { |event| heard << event.key } }
      heard.pop
      GC.start if round.even?
      case round % 4
      when 0 then a.close
      when 1 then c.close
      when 2 then [events, a].each(&:close)
      else
        listener.stop
        a.close
      end
      threads.first(2).each { |thread| assert_raises(MCCache::ClosedError) { thread.value } }
      events.close
      threads.last.value
      a.close
    end
  end

  def test_each_ends_when_the_queue_is_closed_and_gives_what_is_queued_first
    c = alone
    events = c.events
    3.times { |number| c["k#{number}"] = 1 }
    events.close
    events.close
    assert_equal %w[k0 k1 k2], events.map(&:key)
    assert_raises(MCCache::ClosedError) { events.pop }
    assert_empty events.to_a
  end

  def test_closing_the_node_ends_a_wait
    c = alone
    events = c.events
    waiter = Thread.new { events.each.to_a }
    eventually("the wait") { waiter.status == "sleep" }
    c.node.close
    assert_equal [], waiter.value
  end

  def test_a_stop_iteration_of_the_block_is_not_taken_for_the_end
    c = alone
    events = c.events
    c["k"] = 1
    assert_raises(StopIteration) { events.each { raise StopIteration } }
    assert_raises(StopIteration) { c.get_or_load("x") { raise StopIteration } }
  end

  def test_a_queue_that_two_threads_drain_gives_each_event_once
    c = alone
    seen = Queue.new
    events = c.events
    drains = Array.new(2) { Thread.new { events.each { |event| seen << event.key } } }
    1000.times { |number| c["k#{number}"] = number }
    eventually("all events") { seen.size >= 1000 }
    events.close
    drains.each(&:join)
    assert_equal Array.new(1000) { |number| "k#{number}" }.sort, Array.new(seen.size) { seen.pop }.sort
  end

  def test_a_wait_lets_other_threads_run_and_can_be_interrupted
    events = alone.events
    waiter = Thread.new { events.pop }
    eventually("the wait") { waiter.status == "sleep" }
    assert_equal 100_000, (1..100_000).count
    started = MCCache::Durations.now_ms
    waiter.kill.join
    assert_raises(Timeout::Error) { Timeout.timeout(0.05) { events.pop } }
    raised = Thread.new { events.pop }
    raised.report_on_exception = false
    eventually("the wait") { raised.status == "sleep" }
    raised.raise(ArgumentError, "stop")
    assert_raises(ArgumentError) { raised.join }
    assert_operator MCCache::Durations.now_ms - started, :<, 5000
    events.close
  end

  def test_listeners_hear_of_their_cache_in_a_thread_of_the_node
    a = node
    b = node
    heard = Queue.new
    threads = Queue.new
    b.cache("c").on_change { |event| [heard << event, threads << Thread.current.name] }
    b.cache("d").on_change { |event| heard << event }
    a.cache("c")["k"] = 1
    a.cache("other")["k"] = 1
    a.cache("c").sync
    a.cache("d")["d"] = 1
    events = Array.new(2) { heard.pop }
    assert_equal [["c", "k", false], ["d", "d", false]], (events.map { |event| [event.cache, event.key, event.local?] })
    assert_equal "mccache-listeners", threads.pop
    assert heard.empty?
  end

  def test_a_listener_that_is_stopped_hears_no_more_and_the_last_ends_the_thread
    c = alone
    one = Queue.new
    other = Queue.new
    first = c.on_change { |event| one << event.key }
    second = c.node.on_change { |event| other << event.key }
    c["a"] = 1
    assert_equal %w[a a], [one.pop, other.pop]
    first.stop
    first.stop
    c["b"] = 1
    assert_equal "b", other.pop
    assert one.empty?
    second.stop
    eventually("the thread's end") { Thread.list.none? { |thread| thread.name == "mccache-listeners" } }
    c.on_change { |event| one << event.key }
    c["c"] = 1
    assert_equal "c", one.pop
  end

  def test_listeners_that_come_and_go_at_once_lose_none
    c = alone
    heard = Queue.new
    churns = Array.new(3) { Thread.new { 50.times { c.on_change { nil }.stop } } }
    churns.each(&:join)
    c.on_change { |event| heard << event.key }
    churns = Array.new(2) { Thread.new { 50.times { c.on_change { nil }.stop } } }
    100.times { |number| c["k#{number}"] = 1 }
    churns.each(&:join)
    assert_equal Array.new(100) { |number| "k#{number}" }.sort, Array.new(100) { heard.pop }.sort
  end

  def test_what_a_listener_raises_is_logged_and_ends_nothing
    log = StringIO.new
    MCCache.logger = Logger.new(log)
    c = alone
    heard = Queue.new
    c.on_change { |event| event.key == "bad" ? raise(ArgumentError, "of the listener") : heard << event.key }
    c["bad"] = 1
    c["good"] = 1
    assert_equal "good", heard.pop
    assert_match(/a listener of c failed: of the listener \(ArgumentError\)\n.*test_events\.rb/, log.string)
    assert_raises(ArgumentError) { c.on_change }
  end

  def test_a_logger_that_fails_ends_nothing_either
    failing = Object.new
    failing.define_singleton_method(:error) { |_text| raise "a logger that fails" }
    MCCache.logger = failing
    c = alone
    heard = Queue.new
    c.on_change { |event| event.key == "bad" ? raise("x") : heard << event.key }
    c["bad"] = 1
    c["good"] = 1
    assert_equal "good", heard.pop
  end

  def test_a_listener_may_use_and_close_the_node
    c = alone
    done = Queue.new
    c.on_change do |event|
      next unless event.key == "k"

      c["answer"] = c["k"]
      c.node.close
      done << true
    end
    c["k"] = 1
    assert done.pop
    assert c.node.closed?
  end

  private

  # Takes events until each of these kinds was there.
  def kinds_until(events, wanted)
    seen = []
    until (wanted - seen).empty?
      event = events.pop(timeout: SOON_S) || flunk("never came: #{wanted - seen}")
      seen << event.kind
    end
    seen
  end
end
