# frozen_string_literal: true

require "support"

# The cache as a Hash.
class TestCache < Case
  def test_a_symbol_is_its_name
    c = alone
    c[:k] = 1
    assert_equal [1, 1, true], [c["k"], c[:k], c.key?(:k)]
    assert_equal ["k"], c.keys
    error = assert_raises(KeyError) { c.fetch(:nobody) }
    assert_equal :nobody, error.key
    assert_equal "key not found: :nobody", error.message
  end

  def test_nil_is_a_value
    c = alone
    c["k"] = nil
    assert_equal [true, nil, 1], [c.key?("k"), c["k"], c.size]
    assert_nil c.fetch("k")
    assert_nil(c.fetch("k") { flunk })
    assert_nil(c.get_or_load("k") { flunk })
  end

  def test_a_tag_takes_what_was_put_with_it
    c = alone
    c.put("a", 1, tags: ["user:7", "prices"])
    c.put("b", 2, ttl: 60, tags: [:prices])
    c.put("c", 3, tags: [])
    assert_equal [1, 2, 3], c.values_at("a", "b", "c")
    assert_same c, c.invalidate_tag("prices")
    assert_equal [nil, nil, 3], c.values_at("a", "b", "c")
    assert_equal ["c"], c.keys
    c.put("a", 4, tags: ["prices"])
    assert_equal 4, c["a"]
    [[""], ["a\0b"], ["t" * 256], Array.new(17, "t")].each do |bad|
      assert_raises(MCCache::InvalidArgumentError) { c.put("c", 5, tags: bad) }
      assert_raises(MCCache::InvalidArgumentError) { c.get_or_load("d", tags: bad) { 5 } }
    end
    ["prices", 7, [7], [nil]].each do |bad|
      assert_raises(TypeError) { c.put("c", 5, tags: bad) }
      assert_raises(TypeError) { c.get_or_load("d", tags: bad) { 5 } }
    end
    assert_raises(TypeError) { c.invalidate_tag(nil) }
    assert_equal [3, nil], c.values_at("c", "d")
    assert_equal 5, c.get_or_load("d", tags: []) { 5 }
    c.invalidate_tag("prices")
    assert_equal [3, 5], c.values_at("c", "d")
  end

  def test_fetch_is_hashs
    c = alone
    c["k"] = 1
    assert_equal(1, c.fetch("k") { flunk })
    assert_equal 1, c.fetch("k", 2)
    assert_equal 2, c.fetch("x", 2)
    assert_equal("x", c.fetch("x") { |key| key })
    refute c.key?("x")
    assert_raises(ArgumentError) { c.fetch }
    assert_raises(ArgumentError) { c.fetch(1, 2, 3) }
    assert_equal [1, "y"], (c.fetch_values("k", "y") { |key| key })
    assert_raises(KeyError) { c.fetch_values("k", "y") }
    _, warning = capture_io { assert_equal(3, c.fetch("x", 2) { 3 }) }
    assert_includes warning, "block supersedes default value argument"
  end

  def test_store_answers_the_value_and_aliases_are_there
    c = alone
    assert_equal 1, c.store("k", 1)
    assert_equal 2, c.put("k", 2)
    assert_equal [true, true, true, true], [c.has_key?("k"), c.include?("k"), c.member?("k"), c.key?("k")]
    assert_equal [1, 1, 1], [c.length, c.size, c.count]
  end

  def test_delete_take_and_remove
    c = alone
    c.merge!("a" => 1, "b" => nil, "c" => 3)
    assert_equal 1, c.delete("a")
    assert_nil(c.delete("b") { flunk })
    assert_equal("a!", c.delete("a") { |key| "#{key}!" })
    assert_equal 3, c.take("c")
    assert_nil c.take("c")
    assert_equal("c", c.take("c") { |key| key })
    c["d"] = 1
    assert_equal [true, false], [c.remove("d"), c.remove("d")]
    assert_empty c.to_h
  end

  def test_a_token_is_waited_for_here_and_asked_for_there
    a = cache
    b = cache
    put = a.put_token("k", ["v", 1])
    a.sync_token(put, 20, members: 1)
    assert_equal ["v", 1], b.get_at_least("k", put)
    # As after a way through a message: plain numbers, and the position does not matter to a reader.
    assert_equal ["v", 1], b.get_at_least("k", MCCache::Token.new(put.version_clock, put.version_origin, 0))
    assert_nil b.get_at_least("k", MCCache::Token.new(put.version_clock + 1, put.version_origin, 0))
    a.sync_token(put, 20)
    deleted = a.delete_token("k")
    assert_same a, a.sync_token(deleted, 20, members: 1)
    assert_nil b.get_at_least("k", put)
    assert_operator a.delete_token("k").version_clock, :>, deleted.version_clock
    assert_match(/2 members/, assert_raises(MCCache::TimeoutError) { a.sync_token(deleted, 0.02, members: 2) }.message)
    assert_raises(MCCache::InvalidArgumentError) { b.sync_token(deleted) }
    assert_raises(MCCache::InvalidArgumentError) { a.sync_token(deleted, members: 0) }
    [-> { a.sync_token(deleted, members: "2") }, -> { a.sync_token(nil) }, -> { b.get_at_least("k", [1, 2, 3]) }].each do |wrong|
      assert_raises(TypeError, &wrong)
    end
    assert_raises(MCCache::InvalidArgumentError) { a.put_token("k", 1, ttl: -1) }
  end

  # A member that evicted an entry, or never had it, must still be able to delete it from the others.
  def test_delete_reaches_members_that_have_the_value_where_this_one_has_none
    a = cache
    b = node(cache_max: 1).cache("c")
    a.merge!("k1" => 1, "k2" => 2)
    eventually("the puts' arrival") { b.size == 1 && a.sync }
    gone = %w[k1 k2].find { |key| !b.key?(key) }
    assert_nil b.delete(gone)
    eventually("the delete's arrival") { !a.key?(gone) }
  end

  def test_put_new_and_touch
    c = alone
    assert_equal [true, false], [c.put_new("k", 1, ttl: 3600), c.put_new("k", 2)]
    assert_equal 1, c["k"]
    assert_in_delta 3600, c.metadata("k").ttl, 10
    assert c.touch("k", ttl: 60)
    assert_in_delta 60, c.metadata("k").ttl, 10
    refute c.touch("nobody")
  end

  def test_a_duration_means_the_same_in_a_setting_of_minutes
    duration = Struct.new(:seconds) { def to_f = seconds.to_f }
    one = node(cache_pulse: duration.new(90), cache_ttl: 1.5)
    assert_equal %w[1.5 1.5], [one.setting("cache_pulse"), one.setting("cache_ttl")]
  end

  def test_durations_are_seconds_of_any_kind
    c = alone
    duration = Struct.new(:seconds) { def to_f = seconds.to_f }
    [[60, 60], [60.5, 60.5], [Rational(121, 2), 60.5], [duration.new(60), 60]].each do |ttl, seconds|
      c.put("k", 1, ttl: ttl)
      assert_in_delta seconds, c.metadata("k").ttl, 1
    end
    c.put("k", 1, ttl: 1e15)
    assert_nil c.metadata("k").ttl
    ["60", Time.now, :day, true, [60]].each { |bad| assert_raises(TypeError, bad.inspect) { c.put("k", 1, ttl: bad) } }
    [0, -1, Float::NAN].each { |bad| assert_raises(MCCache::InvalidArgumentError) { c.put("k", 1, ttl: bad) } }
    assert_raises(MCCache::InvalidArgumentError) { c.sync(-1) }
  end

  def test_metadata_tells_of_an_entry
    c = alone
    before = Time.now
    c["k"] = [1]
    known = c.metadata("k")
    assert_in_delta before.to_f, known.written_at.to_f, 1
    assert_equal [2, :cbor], [known.size, known.codec]
    assert_operator known.weight, :>, 2
    assert_operator known.age, :>=, 0
    assert_match(/\A\d+\.\d+@\h{16}\z/, known.version)
    assert known.frozen?
    assert_nil c.metadata("nobody")
  end

  def test_each_and_enumerable
    c = alone
    c.merge!("a" => 1, "b" => 2, "c" => 3)
    pairs = []
    assert_same(c, c.each { |key, value| pairs << [key, value] })
    assert_equal [["a", 1], ["b", 2], ["c", 3]], pairs.sort
    assert_equal %w[a b c], c.each_key.sort
    assert_equal [1, 2, 3], c.each_value.sort
    assert_equal 3, c.each.size
    assert_equal %w[a1 b2 c3], c.map { |key, value| "#{key}#{value}" }.sort
    assert_equal 6, c.sum { |_, value| value }
    assert_equal ["c", 3], c.max_by { |_, value| value }
    assert_equal({ "a" => 1, "b" => 2, "c" => 3 }, c.each_pair.to_h)
    assert_equal({ "a" => "1", "b" => "2", "c" => "3" }, c.to_h { |key, value| [key, value.to_s] })
    assert_equal 1, (c.count { |_, value| value > 2 })
    assert_equal 2, c.first(2).length
    assert_equal [%w[a b c], [1, 2, 3]], [c.keys.sort, c.values.sort]
    assert_equal({ "a" => 1 }, c.select { |key, _| key == "a" })
    assert_equal({ "a" => 1 }, c.reject { |key, _| key != "a" })
    assert_equal({ "a" => 2, "b" => 4, "c" => 6 }, c.transform_values { |value| value * 2 })
    assert_equal({ "a" => 1 }, c.slice("a", "x"))
    assert_equal [1, nil], c.values_at("a", "x")
    assert_equal 2, c.lazy.reject { |_, value| value == 2 }.to_a.length
  end

  def test_an_iteration_does_not_count_as_use_and_survives_writes
    c = alone
    100.times { |number| c["k#{number}"] = number }
    hits = c.stats.hits
    seen = c.each.with_index.map { |(key, _), index| c.remove(key) && c.put("new#{index}", 1) && key if index < 50 }
    assert_equal hits, c.stats.hits
    assert_operator seen.compact.length, :>=, 50
  end

  def test_empty_any_and_clear
    c = alone
    assert_equal [true, false], [c.empty?, c.any?]
    c["k"] = 1
    assert_equal [false, true, true, false], [c.empty?, c.any?, c.any? { |_, value| value == 1 }, c.none?]
    assert_same c, c.clear
    assert c.empty?
  end

  def test_merge_takes_what_has_pairs
    c = alone
    [5, nil, [["k", 1]]].each { |wrong| assert_raises(TypeError) { c.merge!(wrong) } }
    assert_empty c
  end

  def test_merge_and_update
    c = alone
    c["a"] = 1
    assert_same c, c.merge!({ "a" => 2 }, { "b" => 3 })
    assert_equal({ "a" => 2, "b" => 3 }, c.to_h)
    c.update("a" => 5, "c" => 4) { |key, old, new| "#{key}#{old}#{new}" }
    assert_equal({ "a" => "a25", "b" => 3, "c" => 4 }, c.to_h)
    assert_equal({ "a" => 1, "b" => 3, "c" => 4 }, c.merge({ "a" => 1 }))
    assert_equal "a25", c["a"]
    other = alone
    other.merge!(c)
    assert_equal c.to_h, other.to_h
  end

  def test_deleting_by_a_block
    c = alone
    c.merge!("a" => 1, "b" => 2, "c" => 3)
    assert_same(c, c.delete_if { |_, value| value == 1 })
    assert_nil(c.reject! { false })
    assert_same(c, c.reject! { |key, _| key == "b" })
    assert_nil(c.select! { true })
    assert_same(c, c.keep_if { true })
    assert_equal({ "c" => 3 }, c.to_h)
    assert_same(c, c.select! { false })
    assert c.empty?
  end

  def test_dig
    c = alone
    c["k"] = { "a" => [1, { "b" => 2 }] }
    assert_equal [2, nil, nil], [c.dig("k", "a", 1, "b"), c.dig("k", "x", "y"), c.dig("nobody", "a")]
    assert_equal({ "a" => [1, { "b" => 2 }] }, c.dig("k"))
  end

  def test_a_view_is_the_bytes_and_outlives_the_entry
    c = alone
    c["k"] = "0123456789" * 1000
    view = c.view("k")
    c.delete("k")
    c.node.close
    assert_equal [10_000, :text, "0123456789" * 1000], [view.bytesize, view.codec, view.value]
    assert_equal ["345", "89", "9", nil], [view.byteslice(3, 3), view.byteslice(-2, 5), view.byteslice(-1), view.byteslice(10_001, 1)]
    assert_equal [48, 57, nil], [view.getbyte(0), view.getbyte(-1), view.getbyte(10_000)]
    assert_equal Encoding::BINARY, view.to_s.encoding
    assert_nil alone.view("nobody")
  end

  def test_the_same_name_is_the_same_object
    one = node
    assert_same one.cache("c"), one.cache(:c)
    assert_same one.cache("c"), one["c"]
    assert_equal ["c"], one.caches
    one.cache("c").close
    assert_empty one.caches
    one.cache("c")["k"] = 1
  end

  def test_the_processes_own_node
    succeeds(<<~RUBY)
      require "mccache"
      c = MCCache.cache("c", cache_max: 5)
      10.times { |i| c["k\#{i}"] = i }
      raise c.size.to_s unless c.size == 5
      raise "not the same" unless MCCache.cache("c").equal?(c) && c.node.equal?(MCCache.node)
      answer = MCCache.open("d") { |d| d["k"] = 1; d["k"] }
      raise answer.to_s unless answer == 1 && MCCache.node.caches == ["c"]
      raise unless MCCache.node.setting("cluster") == ENV["MCCACHE_CLUSTER"]
      MCCache.node.close
      raise "not anew" unless MCCache.cache("c").empty?
    RUBY
  end

  def test_copies_and_dumps_are_refused
    c = alone
    assert_raises(TypeError) { c.dup }
    assert_raises(TypeError) { c.clone }
    assert_raises(TypeError) { c.node.dup }
    assert_raises(TypeError) { Marshal.dump(c) }
  end

  def test_inspect_names_node_and_size
    c = alone
    c["k"] = 1
    assert_equal "#<MCCache::Cache c of #{c.node.name}: 1 entries>", c.inspect
    assert_equal "#<MCCache::Node #{c.node.name}>", c.node.inspect
    c.node.close
    assert_includes c.inspect, "closed"
    assert_includes c.node.inspect, "closed"
  end
end
