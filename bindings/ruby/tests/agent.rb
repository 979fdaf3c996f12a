# frozen_string_literal: true

# The member that speaks Ruby in the tests where every language meets: `ruby agent.rb CACHE`. It answers each line of its
# standard input with one line. Settings come from the environment.

require "mccache"
require_relative "native_values"

# One cache, and the commands.
class Agent
  KEYS = Array.new(100) { |index| "w#{index}" }.freeze

  def initialize(cache)
    @cache = cache
  end

  def answer(line)
    command, *arguments = line.split
    case command
    when "put", "check", "work", "sync", "sum", "members", "clear" then public_send(command, *arguments)
    else "error: no command #{command.inspect}"
    end
  rescue StandardError => error
    "error: #{error.class}: #{error.message}".tr("\n", " ")
  end

  def put(key, name)
    @cache[key] = NativeValues::ALL.fetch(name)
    "ok"
  end

  def check(key, name)
    expected = NativeValues::ALL.fetch(name)
    found = @cache.fetch(key) { return "missing" }
    return "equal" if NativeValues.same?(expected, found)

    "differs: #{found.class} #{found.inspect[0, 200]}".tr("\n", " ")
  end

  # 55 % look-ups, 20 % puts of new text, 20 % updates, 5 % deletes.
  def work(milliseconds, seed)
    dice = Random.new(Integer(seed))
    deadline = MCCache::Durations.now_ms + Integer(milliseconds)
    operations = 0
    while MCCache::Durations.now_ms < deadline
      operations += 1
      step(dice, KEYS[dice.rand(KEYS.length)], "#{seed}-#{operations}")
    end
    "ok #{operations}"
  end

  def sync(milliseconds)
    @cache.sync(Integer(milliseconds) / 1000r)
    "ok"
  rescue MCCache::TimeoutError
    "timeout"
  end

  def sum
    checksum = @cache.checksum
    "#{checksum.sum} #{checksum.entries}"
  end

  def members
    @cache.node.members.count { |member| member.state == :alive }.to_s
  end

  def clear
    @cache.clear
    "ok"
  end

  private

  def step(dice, key, text)
    case dice.rand(100)
    when 0...55 then @cache[key]
    when 55...75 then @cache[key] = "new #{text}"
    when 75...95 then @cache[key] = "#{@cache.fetch(key, "")[0, 40]} #{text}"
    else @cache.delete(key)
    end
  end
end

$stdout.sync = true
$stdin.set_encoding(Encoding::UTF_8)
cache = MCCache.cache(ARGV.fetch(0))
agent = Agent.new(cache)
puts "ready ruby"
while (line = $stdin.gets)
  break if line.strip == "quit"

  puts agent.answer(line)
end
cache.node.close
puts "bye" if line
