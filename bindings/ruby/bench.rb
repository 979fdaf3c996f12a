# frozen_string_literal: true

# Nanoseconds a call, from Ruby: `ruby bench.rb`. Prints WHAT, OP and the nanoseconds, with tabs between them.
#
# Keys of 16 bytes, values of 100 bytes or 64 KiB, 1,000 keys visited in turn. Each figure is the median of five batches,
# after one to warm up. mccache runs in mode local: nothing is sent. A get makes the String; view_64k does not.

require "mccache"

BATCHES = 5
KEYS = Array.new(1000) { |index| format("key-%012d", index).freeze }.freeze
SHORT = ("v" * 100).b.freeze
LONG = ("v" * 65_536).b.freeze
# Visits of all keys in a batch.
ROUNDS = { "100" => 200, "64k" => 5 }.freeze

def batch(rounds)
  started = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
  rounds.times { KEYS.each { |key| yield key } }
  (Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond) - started) / (rounds * KEYS.length).to_f
end

def report(what, operation, rounds, &work)
  batch(rounds, &work)
  puts [what, operation, Array.new(BATCHES) { batch(rounds, &work) }.sort[BATCHES / 2].round].join("\t")
end

def measure(what, subject)
  { "100" => SHORT, "64k" => LONG }.each do |size, value|
    report(what, "put_#{size}", ROUNDS[size]) { |key| subject[key] = value }
    report(what, "get_#{size}", ROUNDS[size]) { |key| subject[key] }
  end
  report(what, "view_64k", ROUNDS["100"]) { |key| subject.view(key) } if subject.respond_to?(:view)
end

# ActiveSupport's store with the two methods that are measured.
class Store
  def initialize(store)
    @store = store
  end

  def [](key)
    @store.read(key)
  end

  def []=(key, value)
    @store.write(key, value)
  end
end

def optional(what)
  measure(what, yield)
rescue LoadError => error
  puts [what, "skipped", error.message].join("\t")
end

$stdout.sync = true
node = MCCache::Node.new(cluster: "bench-#{Process.pid}")
measure("mccache", node.cache("bench", cache_mode: "local", cache_size: "256 MiB"))
node.close
measure("Hash", {})
optional("lru_redux") do
  require "lru_redux"
  LruRedux::ThreadSafeCache.new(KEYS.length * 2)
end
optional("ActiveSupport MemoryStore") do
  require "active_support"
  require "active_support/cache"
  Store.new(ActiveSupport::Cache::MemoryStore.new(size: 256 * 1024 * 1024, compress: false))
end
