# frozen_string_literal: true

# What all tests share: a deadline, a cluster of its own for each, and waiting for a condition instead of a time.

require "minitest/autorun"
require "open3"
require "rbconfig"
require "tmpdir"

# No file of the folder the tests are started in, and no variable of the developer's, is to be read.
Dir.chdir(Dir.tmpdir)
ENV.delete_if { |name, _| name.start_with?("MCCACHE_") }
ENV["MCCACHE_CONFIG"] = ""

require "mccache"

# Where tests/values.tsv and its like are.
TABLES = ENV.fetch("TEST_TABLES", File.expand_path("../../../tests", __dir__))

# A test with a cluster that nothing else uses.
class Case < Minitest::Test
  # A test that takes longer hangs: the process ends with every thread's backtrace.
  DEADLINE_S = 120
  # For what happens in milliseconds, on a machine that is busy.
  SOON_S = 20
  # The folder of the gem that is tested, as a child is to find it.
  LIBRARIES = $LOADED_FEATURES.grep(%r{/mccache(\.rb|/.*mccache_native\.\w+)\z}).freeze

  # What closes the nodes of tests that are over.
  CLOSING = Queue.new
  Minitest.after_run { CLOSING.pop.join until CLOSING.empty? }

  @numbers = 0
  @lock = Mutex.new

  class << self
    def number
      Case.instance_eval { @lock.synchronize { @numbers += 1 } }
    end
  end

  def setup
    @cluster = "rb-#{Process.pid}-#{Case.number}"
    @nodes = []
    @watch = Thread.new { watch }
  end

  # A goodbye takes a moment: the next test begins meanwhile.
  def teardown
    nodes = @nodes
    CLOSING << Thread.new { nodes.each(&:close) }
    @watch.kill.join
  end

  # Another node of the test's cluster, in this process.
  def node(**settings)
    node = MCCache::Node.new(cluster: @cluster, **settings)
    @nodes << node
    node
  end

  # A cache of a new node.
  def cache(**settings)
    node(**settings).cache("c")
  end

  # A cache in a cluster where nobody else is.
  def alone(**settings)
    cache(cluster: "#{@cluster}-#{Case.number}", **settings)
  end

  # Waits for a condition, and fails if it does not come.
  def eventually(what = "the condition")
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + SOON_S
    until (result = yield)
      flunk("#{what} did not come true in #{SOON_S} s") if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
      sleep 0.002
    end
    result
  end

  # The command that runs a program with the mccache that is tested, in a process of its own.
  def ruby(program)
    folders = LIBRARIES.map { |file| file[%r{\A.*(?=/mccache(?:\.rb|/))}].sub(%r{/mccache/?\z}, "") }
    [RbConfig.ruby, "-w", *folders.uniq.flat_map { |folder| ["-I", folder] }, "-e", program]
  end

  # Runs a program that must end by itself with 0 and say nothing on stderr; answers its output.
  def succeeds(program, environment = {})
    output, errors, status = Open3.capture3({ "MCCACHE_CLUSTER" => @cluster }.merge(environment), *ruby(program))
    assert_equal [0, ""], [status.exitstatus, errors], output
    output
  end

  private

  def watch
    sleep DEADLINE_S
    Thread.list.each { |thread| warn("#{thread.inspect}\n  #{Array(thread.backtrace).join("\n  ")}") }
    warn "#{self.class}##{name} did not end in #{DEADLINE_S} s"
    exit!(3)
  end
end
