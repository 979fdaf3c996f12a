# frozen_string_literal: true

# Nanoseconds a call, from Ruby: `ruby bench.rb`. Prints WHAT, OP and the nanoseconds, with tabs between them.
#
# Keys of 16 bytes, values of 100 bytes or 64 KiB. Each figure is of the pass over all 1,000 keys that took least of those in
# a third of a second. mccache runs in mode local: nothing is sent. A get makes the String; view_64k does not.

require "mccache"

MEASURED = 300_000_000
KEYS = Array.new(1000) { |index| format("key-%012d", index).freeze }.freeze
SHORT = ("v" * 100).b.freeze
LONG = ("v" * 65_536).b.freeze

def now
  Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
end

# Loops with nothing in them but the call: a block's call would cost as much as a Hash's get.
def put_all(subject, keys, value)
  index = 0
  while index < keys.length
    subject[keys[index]] = value
    index += 1
  end
end

def get_all(subject, keys, _value)
  index = 0
  while index < keys.length
    subject[keys[index]]
    index += 1
  end
end

def view_all(subject, keys, _value)
  index = 0
  while index < keys.length
    subject.view(keys[index])
    index += 1
  end
end

def report(what, operation, subject, value)
  work = method("#{operation[/[a-z]+/]}_all")
  least = Float::INFINITY
  finish = now + MEASURED
  while (before = now) < finish
    work.call(subject, KEYS, value)
    least = [least, now - before].min
  end
  puts [what, operation, (least / KEYS.length.to_f).round(1)].join("\t")
end

def measure(what, subject)
  { "100" => SHORT, "64k" => LONG }.each do |size, value|
    report(what, "put_#{size}", subject, value)
    report(what, "get_#{size}", subject, value)
  end
  report(what, "view_64k", subject, LONG) if subject.respond_to?(:view)
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
