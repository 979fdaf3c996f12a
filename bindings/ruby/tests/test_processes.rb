# frozen_string_literal: true

require "support"

# Processes: how they end, Ctrl-C, forks, and the collector.
class TestProcesses < Case
  def test_a_process_ends_with_live_objects_and_threads
    succeeds(<<~RUBY)
      require "mccache"
      c = MCCache.cache("c")
      c["k"] = "v"
      kept = [c.view("k"), c.each, c.events, c.each_key]
      heard = Queue.new
      c.on_change { heard << 1; sleep }
      2.times { Thread.new { i = 0; loop { c["x"] = i += 1; c["x"] } rescue nil } }
      Thread.new { kept[2].each { } }
      Thread.new { c.node.events.pop rescue nil }
      heard.pop
    RUBY
  end

  def test_members_hear_a_goodbye_at_the_end
    events = node.events
    succeeds("require 'mccache'; MCCache.cache('c')['k'] = 1; MCCache.cache('c').sync(20)")
    assert_equal(%i[member_joined member_left], Array.new(2) { events.pop(timeout: SOON_S).kind })
  end

  def test_a_dropped_node_is_collected_and_leaves
    events = node.events
    Thread.new { MCCache::Node.new(cluster: @cluster).cache("c")["k"] = 1 }.join
    assert_equal :member_joined, events.pop(timeout: SOON_S).kind
    left = eventually("the collection") do
      GC.start
      events.pop(timeout: 0.05)
    end
    assert_equal :member_left, left.kind
  end

  def test_a_wrong_environment_is_told_by_the_first_cache_and_not_by_require
    succeeds(<<~RUBY)
      require "mccache"
      ENV["MCCACHE_CACHE_TLL"] = "5"
      begin
        MCCache.cache("c")
      rescue MCCache::ConfigError => error
        raise error unless error.message.include?("MCCACHE_CACHE_TTL")
      else
        raise "no error"
      end
      ENV.delete("MCCACHE_CACHE_TLL")
      MCCache.cache("c")["k"] = 1
    RUBY
  end

  def test_ctrl_c_ends_a_wait
    {
      "an event" => "MCCache.cache('c').events.pop", "events" => "MCCache.cache('c').events.each { }",
      "a load" => "c = MCCache.cache('c'); Thread.new { c.get_or_load('k') { sleep } }; sleep 0.1; " \
                  "$stdout.puts 'waiting'; $stdout.flush; c.get_or_load('k', timeout: nil) { }",
      "a call that cannot be cut" => "MCCache.cache('c'); MCCache::Durations.interruptibly { sleep }"
    }.each do |what, program|
      program = "$stdout.puts 'waiting'; $stdout.flush; #{program}" unless program.include?("waiting")
      assert_operator interrupted("require 'mccache'; #{program}"), :<, 5, what
    end
  end

  def test_forked_children_are_members_of_their_own
    a = cache
    succeeds(<<~RUBY)
      require "mccache"
      c = MCCache.cache("c")
      c["parent"] = Process.pid
      c.sync(20)
      children = Array.new(3) do |number|
        fork do
          c["child\#{number}"] = Process.pid
          deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 20
          until %w[child0 child1 child2 parent].all? { |key| c.key?(key) }
            raise c.keys.inspect if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
            sleep 0.01
          end
          c.sync(20)
        end
      end
      children.each { |pid| raise "a child failed" unless Process.wait2(pid)[1].success? }
      c["parent after"] = 1
      c.sync(20)
    RUBY
    assert_equal ["child0", "child1", "child2", "parent", "parent after"], a.keys.sort
  end

  def test_listeners_run_in_a_child_after_its_first_use
    succeeds(<<~RUBY)
      require "mccache"
      c = MCCache.cache("c")
      heard = Queue.new
      c.on_change { |event| heard << event.key }
      c["k"] = 1
      raise unless heard.pop == "k"
      pid = fork do
        raise Thread.list.inspect unless Thread.list.size == 1
        heard.clear
        c["own"] = 1
        key = heard.pop until key == "own"
        raise "no thread" unless Thread.list.any? { |thread| thread.name == "mccache-listeners" }
      end
      raise "the child failed" unless Process.wait2(pid)[1].success?
      c["k2"] = 1
      key = heard.pop until key == "k2"
    RUBY
  end

  def test_a_child_that_uses_nothing_starts_nothing_and_ends
    succeeds(<<~RUBY)
      require "mccache"
      c = MCCache.cache("c")
      c.on_change { }
      c["k"] = 1
      view, events, iteration = c.view("k"), c.events, c.each
      pid = fork do
        GC.start
        tasks = Dir.children("/proc/self/task").size
        raise tasks.to_s if tasks > 2 # Ruby's own timer may be there
        raise unless view.value == 1
      end
      raise "the child failed" unless Process.wait2(pid)[1].success?
      [view, events, iteration]
      raise unless system("true") && c["k"] == 1
    RUBY
  end

  def test_queues_and_iterations_of_the_parent_are_closed_in_the_child
    succeeds(<<~RUBY)
      require "mccache"
      c = MCCache.cache("c")
      5.times { |i| c["k\#{i}"] = i }
      events, iteration = c.events, c.each
      iteration.next
      pid = fork do
        raise "events" unless events.to_a.empty?
        begin
          iteration.next
          raise "went on"
        rescue MCCache::ClosedError, StopIteration
        end
        c["k"] = 1
      end
      raise "the child failed" unless Process.wait2(pid)[1].success?
      raise unless iteration.next
    RUBY
  end

  def test_a_fork_while_threads_work_leaves_no_broken_lock
    succeeds(<<~RUBY)
      require "mccache"
      c = MCCache.cache("c")
      c.on_change { }
      stop = false
      threads = Array.new(3) do |n|
        Thread.new do
          i = 0
          until stop
            c["\#{n}-\#{i % 100}"] = i; c["\#{n}-5"]; MCCache.cache("c"); c.get_or_load("l\#{i % 50}") { i }; i += 1
            c.take("l\#{i % 50}")
          end
        end
      end
      10.times do
        pid = fork do
          d = MCCache.cache("d")
          d["k"] = 1
          raise unless d["k"] == 1 && MCCache.cache("c").equal?(c)
          c["k"] = 2
          raise unless c["k"] == 2 && c.get_or_load("own", timeout: 5) { 3 } == 3
        end
        raise "a child failed" unless Process.wait2(pid)[1].success?
      end
      stop = true
      threads.each(&:join)
    RUBY
  end

  def test_objects_survive_a_collector_that_runs_all_the_time
    succeeds(<<~RUBY)
      require "mccache"
      require "date"
      c = MCCache.cache("c")
      heard = 0
      c.on_change { |event| heard += event.key.size }
      value = { "a" => [1, 2.5, nil, "t", "\\xff".b, 2**70, Time.now], "big" => "x" * 3000, "d" => Date.new(2024, 1, 2) }
      GC.stress = true
      2.times do |i|
        c["k\#{i}"] = value
        raise "differs" unless c["k\#{i}"] == value && c.fetch("k\#{i}") == value
        raise "differs" unless c.get_or_load("l\#{i}") { value } == value && c.view("l\#{i}").value == value
        c[:sym] = "b" * 2000
        raise "differs" unless c["sym"] == "b" * 2000 && c.to_h.size >= 2 && c.take("sym")
        [c.metadata("k\#{i}"), c.stats, c.events.pop(timeout: 0), c.node.members, c.node.metrics]
        (c["x"] = [Object.new]) rescue nil
        c.fetch("nobody") rescue nil
      end
      GC.stress = false
      raise "heard nothing" if heard.zero?
    RUBY
  end

  def test_objects_survive_compaction
    skip("this Ruby does not compact") unless GC.respond_to?(:compact)
    succeeds(<<~RUBY)
      require "mccache"
      c = MCCache.cache("c")
      GC.auto_compact = true if GC.respond_to?(:auto_compact=)
      kept = []
      2000.times do |i|
        c["k\#{i % 20}"] = ["v\#{i}", { "i" => i }]
        kept << c["k\#{i % 20}"] << c.view("k\#{i % 20}")
        kept.shift(20) if kept.size > 100
        (c["x"] = Object.new) rescue nil
        c.get_or_load("l\#{i}") { i } if i % 10 == 0
        GC.compact if i % 200 == 0
      end
      raise unless c["k3"][1]["i"] == 1983 && c.fetch("none", 4) == 4
      begin
        c.fetch("none")
      rescue KeyError => error
        raise unless error.key == "none"
      end
    RUBY
  end

  def test_collecting_under_load_while_nodes_come_and_go
    succeeds(<<~RUBY)
      require "mccache"
      cluster = ENV["MCCACHE_CLUSTER"]
      20.times do |round|
        node = MCCache::Node.new(cluster: cluster)
        c = node.cache("c")
        threads = Array.new(3) do |n|
          Thread.new do
            i = 0
            loop do
              c["k\#{i % 10}"] = "v" * (i % 3000)
              c["k5"]; c.view("k3"); c.events; c.each { break }
              GC.start(full_mark: false) if i % 20 == 0
              i += 1
            end
          rescue MCCache::ClosedError
          end
        end
        sleep 0.02
        round.even? ? node.close : c.close
        threads.each(&:join)
        node = c = nil
      end
      GC.start
    RUBY
  end

  private

  # Seconds from a Ctrl-C to the end of a program that waits in its main thread.
  def interrupted(program)
    # Whoever runs the tests in the background may have it ignored, and a child would inherit that.
    program = "trap('INT', 'DEFAULT')\n#{program}"
    Open3.popen3({ "MCCACHE_CLUSTER" => @cluster }, *ruby(program)) do |_, output, errors, child|
      assert_equal "waiting\n", output.gets, "the child did not start"
      # It is in its wait, or about to be: either must be interruptible.
      sleep 0.3
      sent = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      Process.kill(:INT, child.pid)
      child.join(SOON_S) || Process.kill(:KILL, child.pid)
      assert_includes errors.read, "Interrupt"
      Process.clock_gettime(Process::CLOCK_MONOTONIC) - sent
    end
  end
end
