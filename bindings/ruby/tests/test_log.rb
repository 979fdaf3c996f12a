# frozen_string_literal: true

require "support"
require "logger"
require "stringio"

# The core's log in MCCache.logger.
class TestLog < Case
  def setup
    super
    @log = StringIO.new
    @logger = Logger.new(@log, level: :info)
    MCCache.logger = @logger
  end

  def teardown
    super
    MCCache.logger = nil
  end

  # Two members who find each other and part.
  def meet
    one, two = Array.new(2) { |number| MCCache::Node.new(cluster: @cluster, node_name: "m#{number}") }
    eventually("the members") { [one, two].all? { |each| each.members.any? } }
  ensure
    [one, two].each(&:close)
  end

  def threads
    Thread.list.select { |thread| thread.name == "mccache-log" }
  end

  # Nodes of earlier tests close in their own time.
  def alone_here
    eventually("the end of other nodes") { CLOSING.empty? || CLOSING.pop.join }
    eventually("the end of other threads") { threads.empty? }
  end

  def test_what_is_no_logger_is_refused
    assert_raises(TypeError) { MCCache.logger = 5 }
    assert_same @logger, MCCache.logger
  end

  def test_what_the_core_says_comes_with_its_level_and_where_it_was_said
    meet
    assert_match(/^I, .* INFO -- mccache::\S+: member joined member=m[01] address=/, @log.string)
    assert_match(/INFO -- mccache::\S+: member left/, @log.string, "the last words come before the close is over")
  end

  def test_the_logger_s_level_is_respected_and_followed
    @logger.level = :warn
    meet
    assert_empty @log.string
    one = node
    @logger.level = :info
    meet
    # Within a second, and there is more to come then.
    eventually("the level") do
      meet
      @log.string.include?("member joined")
    end
    assert_equal one.name, one.setting("node_name")
    refute_match(/DEBUG/, @log.string)
    @logger.level = :debug
    MCCache.logger = @logger
    meet
    assert_match(/DEBUG/, @log.string)
  end

  def test_nil_is_off_and_another_takes_its_place
    one = node(node_name: "stays")
    eventually("the thread") { threads.any? }
    MCCache.logger = nil
    assert_empty threads
    meet
    @log.truncate(0)
    assert_empty @log.string
    other = StringIO.new
    MCCache.logger = Logger.new(other)
    meet
    eventually("the log") { other.string.include?("member left") }
    assert_empty @log.string
    assert_equal "stays", one.name
  end

  def test_the_thread_ends_with_the_last_node
    alone_here
    one = MCCache::Node.new(cluster: @cluster)
    two = MCCache::Node.new(cluster: @cluster)
    assert_equal 1, threads.size
    one.close
    assert_equal 1, threads.size
    two.close
    assert_empty threads
  end

  def test_a_node_that_does_not_open_leaves_no_thread
    alone_here
    assert_raises(MCCache::ConfigError) { MCCache::Node.new(cluster: @cluster, interface: "nowhere") }
    assert_empty threads
  end

  def test_a_logger_may_use_caches_and_may_fail
    c = cache
    heard = Queue.new
    calls = 0
    @logger.define_singleton_method(:add) do |_severity, message, _target|
      calls += 1
      c["last"] = message
      heard << c.get_or_load("first") { message }
      raise "a logger that fails"
    end
    meet
    eventually("the log") { calls > 2 && !heard.empty? }
    assert_equal heard.pop, c["first"]
    assert c.key?("last")
  end

  def test_what_only_takes_errors_hears_only_errors
    texts = Queue.new
    errors = Object.new
    errors.define_singleton_method(:error) { |text| texts << text }
    MCCache.logger = errors
    c = cache
    meet
    assert_empty texts
    c.on_change { raise "a listener that fails" }
    c["k"] = 1
    assert_includes texts.pop, "a listener that fails"
    infos = Queue.new
    errors.define_singleton_method(:info) { |text| infos << text }
    MCCache.logger = errors
    meet
    assert_match(/\Amccache::\S+: member joined/, infos.pop)
  end

  def test_what_a_slow_logger_does_not_take_is_counted
    MCCache.const_get(:Log).__send__(:hand_on, @logger, 3, 0, "mccache::part", "the next", 7)
    assert_match(/WARN -- mccache::part: 7 records of the log were dropped.*INFO -- mccache::part: the next/m, @log.string)
  end

  def test_until_one_is_set_nothing_of_the_core_s_is_said
    output = succeeds(<<~RUBY)
      require "mccache"
      MCCache.node.cache("c")["k"] = 1
      other = MCCache::Node.new(node_name: "other")
      other.wait_ready
      raise unless Thread.list.none? { |thread| thread.name == "mccache-log" } && MCCache.logger.is_a?(Logger)
      puts "quiet"
    RUBY
    assert_equal "quiet\n", output
  end

  def test_the_last_words_of_a_process_are_heard
    output = succeeds(<<~RUBY)
      require "mccache"
      require "logger"
      MCCache.logger = Logger.new($stdout)
      MCCache.node.wait_ready
      other = MCCache::Node.new(node_name: "other")
      sleep 0.01 until MCCache.node.members.any?
    RUBY
    assert_includes output, "member joined"
    assert_includes output, "member left"
  end

  def test_a_forked_child_logs_from_its_first_use_on
    output = succeeds(<<~RUBY)
      require "mccache"
      require "logger"
      MCCache.logger = Logger.new($stdout, formatter: ->(_, _, _, text) { "\#{Process.pid} \#{text}\\n" })
      c = MCCache.cache("c")
      c["k"] = 1
      pid = fork do
        raise "a thread" unless Thread.list.size == 1
        c["k"] = 2
        raise "no thread" unless Thread.list.any? { |thread| thread.name == "mccache-log" }
        c.node.wait_ready(20)
        sleep 0.01 until c.node.members.any?
      end
      raise "the child failed" unless Process.wait2(pid)[1].success?
      puts "child \#{pid}"
      quiet = fork { MCCache.node.name }
      raise "the other child failed" unless Process.wait2(quiet)[1].success?
    RUBY
    assert_match(/^#{output[/^child (\d+)/, 1]} member joined/, output)
  end
end
