# frozen_string_literal: true

require "support"
require "native_values"

# The smoke test that every language has: the same names in the same order.
class TestSmoke < Case
  ROUNDS = 100_000
  # What 100,000 rounds may add to the resident set: less than one byte for each of the dozen calls of a round.
  LEAK_MAX_BYTES = 8 * 1024 * 1024

  def self.test_order
    :alpha
  end

  def test_01_versions_agree
    assert_equal MCCache::Native::ABI_VERSION, MCCache::Native.abi_version
    assert_equal MCCache::VERSION, MCCache.version
  end

  def test_02_put_get_del
    c = cache
    c["k"] = "v".b
    assert_equal "v".b, c["k"]
    assert c.key?("k")
    assert_equal 1, c.size
    c["k"] = "w".b
    assert_equal "w".b, c["k"]
    assert_equal "w".b, c.delete("k")
    refute c.key?("k")
    assert_equal 0, c.size
  end

  def test_03_zero_byte_in_key_and_value
    c = cache
    c["a\0b"] = "1\0002".b
    c["a"] = "other"
    assert_equal "1\0002".b, c["a\0b"]
    assert_equal "1\0002".b, c["a\0b".b]
    assert_equal ["a", "a\0b"], c.keys.sort
  end

  def test_04_astral_character
    c = cache
    c["\u{1f980}"] = "\u{1d11e}"
    assert_equal "\u{1d11e}", c["\u{1f980}"]
    assert_equal "\u{1d11e}", c["\u{1f980}".b]
    assert_equal ["\u{1f980}"], c.keys
    assert_equal Encoding::UTF_8, c.keys.first.encoding
  end

  def test_05_empty_value
    c = cache
    c["bytes"] = "".b
    c["text"] = ""
    c[""] = "of the empty key"
    assert_equal ["", "", "of the empty key"], [c["bytes"], c["text"], c[""]]
    assert_equal [Encoding::BINARY, Encoding::UTF_8], [c["bytes"].encoding, c["text"].encoding]
  end

  def test_06_large_value
    c = cache
    value = (0..255).to_a.pack("C*") * 4096
    c["k"] = value
    assert_equal value, c["k"]
  end

  def test_07_missing_key
    c = cache
    error = assert_raises(KeyError) { c.fetch("nobody") }
    assert_equal ["nobody", true], [error.key, error.receiver.equal?(c)]
    assert_nil c["nobody"]
    assert_nil c.delete("nobody")
    assert_equal 3, c.fetch("nobody", 3)
    assert_equal("nobody!", c.fetch("nobody") { |key| "#{key}!" })
  end

  def test_08_ttl
    c = cache
    c.put("short", 1, ttl: 0.05)
    c.put("long", 2, ttl: 3600)
    c.put("ever", 3, ttl: Float::INFINITY)
    assert_operator c.metadata("long").ttl, :>, 3500
    assert_nil c.metadata("ever").ttl
    eventually("the end of its time") { !c.key?("short") }
    assert_equal [nil, 2, 3], [c["short"], c["long"], c["ever"]]
  end

  def test_09_iteration
    c = cache
    expected = Array.new(1000) { |index| ["k#{index}", index] }.to_h
    c.merge!(expected)
    assert_equal expected.keys.sort, c.keys.sort
    assert_equal expected, c.to_h
  end

  def test_10_bad_argument
    c = cache
    [1, nil, %w[a b], 1.5, Object.new].each do |bad|
      error = assert_raises(TypeError) { c[bad] = 1 }
      assert_match(/keys are String or Symbol, not #{bad.class}/, error.message)
    end
    assert_raises(MCCache::TooLargeError) { c["k" * 65_536] = 1 }
    assert_equal 0, c.size
  end

  def test_11_two_nodes_put_on_one_read_on_the_other
    a = cache
    b = cache
    value = { "list" => [1, 2.5, nil, true, "\xff".b, "text"] }
    a["k"] = value
    eventually("the put's arrival") { b.key?("k") }
    assert NativeValues.same?(value, b["k"]), b["k"].inspect
  end

  def test_12_delete_on_one_gone_on_the_other
    a = cache
    b = cache
    a["k"] = 1
    eventually("the put's arrival") { b.key?("k") }
    b.delete("k")
    eventually("the delete's arrival") { !a.key?("k") }
  end

  def test_13_event_arrives
    a = cache
    b = cache
    events = b.events
    a["k"] = 1
    event = events.pop(timeout: SOON_S)
    assert_equal [:put, false, "c", "k"], [event.kind, event.local?, event.cache, event.key]
    assert_equal a.node.name, event.member
    assert_equal a.metadata("k").version, event.version
  end

  def test_14_use_after_close
    c = cache
    c["k"] = 1
    view = c.view("k")
    c.close
    [
      -> { c["k"] }, -> { c.fetch("k") }, -> { c.key?("k") }, -> { c.size }, -> { c.keys }, -> { c.clear },
      -> { c["k"] = 2 }, -> { c.delete("k") }, -> { c.sync }, -> { c.checksum }, -> { c.take("k") }, -> { c.touch("k") },
      -> { c.metadata("k") }, -> { c.events }, -> { c.on_change { nil } }, -> { c.get_or_load("k") { 1 } },
      -> { c.put_new("k", 1) }, -> { c.stats }, -> { c.view("k") }, -> { c.cluster_checksum }
    ].each_with_index { |use, number| assert_raises(MCCache::ClosedError, number.to_s, &use) }
    assert_equal 1, view.value
    assert_includes c.inspect, "closed"
  end

  def test_15_double_close
    c = cache
    c.close
    c.close
    c.node.close
    c.node.close
    c.close
    assert c.closed?
  end

  def test_16_no_leak_over_100000_rounds
    c = cache
    rounds(c, ROUNDS / 10)
    before = resident_bytes
    rounds(c, ROUNDS)
    assert_operator resident_bytes - before, :<, LEAK_MAX_BYTES
  end

  # What a writer in any language puts, by the bytes of tests/values.tsv.
  def test_17_values_of_other_languages_are_read_back_equal
    c = cache
    names = matrix.map do |name, codec, bytes|
      c.send(:_put_as, name, bytes, codec, 0)
      assert NativeValues.same?(NativeValues::ALL.fetch(name), c[name]), "#{name}: read #{c[name].inspect}"
      c[name] = NativeValues::ALL.fetch(name)
      assert_equal [bytes, codec], [c.view(name).to_s, MCCache::CODECS.key(c.view(name).codec)], "#{name}, written"
      name
    end
    assert_equal NativeValues::ALL.keys, names
  end

  private

  def rounds(cache, count)
    count.times do |number|
      key = "key-#{number % 10}"
      cache[key] = "x" * 100
      cache[key]
      cache["n"] = number
      cache["n"]
      cache.fetch("nobody", nil)
      cache.view(key)
      cache.fetch("nobody") rescue nil
      cache.get_or_load(key) { flunk }
      slow_round(cache, number) if (number % 100).zero?
    end
    GC.start
  end

  def slow_round(cache, number)
    cache["o"] = [number, { "a" => nil }, Time.now]
    cache["big"] = "b" * 5000
    [cache["o"], cache["big"], cache.metadata("o"), cache.to_h, cache.stats]
    cache.get_or_load("loaded") { number }
    cache.take("loaded")
    assert_raises(RuntimeError) { cache.get_or_load("loaded") { raise "no" } }
    assert_raises(TypeError) { cache["o"] = Object.new }
    cache.send(:_put_as, "broken", "\x81".b, 2, 0)
    assert_raises(MCCache::CodecError) { cache["broken"] }
    cache.remove("broken")
  end

  def resident_bytes
    File.read("/proc/self/statm").split[1].to_i * 4096
  end

  # [name, codec, bytes] of each line.
  def matrix
    File.readlines(File.join(TABLES, "values.tsv"), chomp: true)
        .reject { |line| line.start_with?("#") || line.empty? }
        .map do |line|
          name, codec, pieces = line.split("\t")
          [name, Integer(codec), bytes(pieces)]
        end
  end

  def bytes(pieces)
    return "".b if pieces == "-"

    pieces.split("+").map { |piece| [piece[/[^*]+\z/]].pack("H*") * (piece[/\A(\d+)\*/, 1] || 1).to_i }.join.b
  end
end
