# frozen_string_literal: true

require "support"

begin
  # Rails' own files warn under -w.
  verbose, $VERBOSE = $VERBOSE, nil
  require "active_support/cache/mccache_store"
  require "active_support/core_ext/string/output_safety"
  require "active_support/core_ext/time"
  ACTIVE_SUPPORT = ActiveSupport::VERSION::STRING
rescue LoadError => error
  ACTIVE_SUPPORT = nil
  WITHOUT_ACTIVE_SUPPORT = error.message
ensure
  $VERBOSE = verbose
end

# Rails' cache store.
class TestActiveSupport < Case
  def setup
    skip("ActiveSupport is not installed (apt-get install ruby-activesupport): #{WITHOUT_ACTIVE_SUPPORT}") unless ACTIVE_SUPPORT
    super
  end

  def teardown
    super if ACTIVE_SUPPORT
  end

  def store(**options)
    ActiveSupport::Cache.lookup_store(:mccache_store, "rails", { node: options.delete(:node) || node, **options })
  end

  def test_it_is_found_by_its_symbol_and_opens_nothing
    made = store
    assert_instance_of ActiveSupport::Cache::MccacheStore, made
    assert_includes made.inspect, "rails"
    assert_equal "rails", made.cache.name
  end

  def test_read_write_exist_delete
    s = store
    assert_nil s.read("k")
    assert s.write("k", { "a" => [1, 2.5, nil] })
    assert_equal({ "a" => [1, 2.5, nil] }, s.read("k"))
    assert s.exist?("k")
    assert s.delete("k")
    refute s.delete("k")
    refute s.exist?("k")
    assert s.write("nil", nil)
    assert s.exist?("nil")
    assert_nil s.read("nil")
  end

  def test_fetch_and_what_it_is_given
    s = store
    assert_equal(1, s.fetch("k") { 1 })
    assert_equal(1, s.fetch("k") { flunk })
    assert_equal(2, s.fetch("k", force: true) { 2 })
    assert_nil(s.fetch("nil", skip_nil: true) { nil })
    refute s.exist?("nil")
    assert_equal 2, s.fetch("k")
  end

  def test_many_at_once
    s = store
    s.write_multi({ "a" => 1, "b" => 2 })
    assert_equal({ "a" => 1, "b" => 2 }, s.read_multi("a", "b", "c"))
    assert_equal({ "a" => 1, "c" => "c!" }, (s.fetch_multi("a", "c") { |name| "#{name}!" }))
    assert_equal "c!", s.read("c")
    s.delete_multi(%w[a b])
    assert_equal({}, s.read_multi("a", "b"))
  end

  def test_expires_in_is_the_cores_time_to_live
    s = store(expires_in: 1.hour)
    s.write("k", 1)
    assert_in_delta 3600, s.cache.metadata("k").ttl, 5
    s.write("short", 1, expires_in: 0.05.seconds)
    eventually { !s.exist?("short") }
    assert_nil s.read("short")
    s.write("k", 2, expires_in: -1)
    refute s.exist?("k")
  end

  def test_plain_values_are_plain_for_other_languages
    s = store
    s.write("text", ActiveSupport::SafeBuffer.new("<b>"))
    s.write("number", 5, expires_in: 60)
    s.write("time", Time.utc(2024).in_time_zone("Europe/Berlin"))
    assert_equal ["<b>", 5], [s.cache["text"], s.cache["number"]]
    assert_equal %i[text cbor], [s.cache.metadata("text").codec, s.cache.metadata("number").codec]
    assert_equal Time.utc(2024), s.read("time")
    assert_equal 3600, s.read("time").utc_offset
    s.cache["other"] = ["written", "elsewhere"]
    assert_equal %w[written elsewhere], s.read("other")
  end

  def test_a_namespace_is_kept_apart
    one = store(namespace: "one")
    two = store(node: @nodes.first, namespace: "two")
    one.write("k", 1)
    two.write("k", 2)
    assert_equal [1, 2], [one.read("k"), two.read("k")]
    assert_equal %w[one:k two:k], one.cache.keys.sort
    one.clear
    assert_equal [nil, 2], [one.read("k"), two.read("k")]
    two.clear(namespace: nil)
    assert two.cache.empty?
  end

  def test_tags_are_in_the_stores_namespace
    one = store(namespace: "one")
    two = store(node: @nodes.first, namespace: "two")
    [one, two].each { |s| s.write("written", 1, tags: [:t, "u"]) }
    assert_equal(2, one.fetch("fetched", tags: %w[t]) { 2 })
    one.write_multi({ "a" => 3, "b" => 4 }, tags: %w[t])
    assert_equal 5, one.increment("n", 5, tags: %w[t])
    one.write("untagged", 6)
    assert one.invalidate_tag("t")
    assert_equal({ "untagged" => 6 }, one.read_multi("written", "fetched", "a", "b", "n", "untagged"))
    assert_equal 1, two.read("written")
    two.invalidate_tag(:t)
    assert_nil two.read("written")
    assert_raises(TypeError) { one.write("k", 1, tags: "t") }
    assert_raises(TypeError) { one.fetch("k", tags: [7]) { 1 } }
    refute one.exist?("k")
  end

  def test_versions
    s = store
    s.write("k", 1, version: "1")
    assert_equal 1, s.read("k", version: "1")
    assert_equal 1, s.read("k")
    assert_nil s.read("k", version: "2")
    assert ActiveSupport::Cache::MccacheStore.supports_cache_versioning?
  end

  def test_a_race_condition_ttl_keeps_the_old_value_for_others
    s = store
    s.fetch("k", expires_in: 0.05, race_condition_ttl: 10) { "old" }
    sleep 0.1
    answer = s.fetch("k", expires_in: 60, race_condition_ttl: 10) do
      assert_equal "old", s.fetch("k", race_condition_ttl: 10) { flunk }
      "new"
    end
    assert_equal %w[new new], [answer, s.read("k")]
    assert_in_delta 70, s.cache.metadata("k").ttl, 5
  end

  def test_counting
    s = store
    assert_equal [1, 3, 2], [s.increment("n"), s.increment("n", 2), s.decrement("n")]
    assert_equal 2, s.read("n")
    s.write("n", 5, expires_in: 100)
    s.increment("n")
    assert_in_delta 100, s.cache.metadata("n").ttl, 5
    threads = Array.new(4) { Thread.new { 200.times { s.increment("t") } } }
    threads.each(&:join)
    assert_equal 800, s.read("t")
    assert_equal(-1, s.decrement("m"))
  end

  def test_delete_matched_takes_a_regexp
    s = store
    s.write_multi({ "user:1" => 1, "user:2" => 2, "post:1" => 3 })
    assert_equal 2, s.delete_matched(/\Auser:/)
    assert_equal %w[post:1], s.cache.keys
    assert_raises(ArgumentError) { s.delete_matched("user:*") }
  end

  def test_cleanup_and_clear
    s = store
    s.write("k", 1)
    assert s.cleanup
    assert_equal 1, s.read("k")
    assert s.clear
    assert_nil s.read("k")
  end

  def test_what_cannot_be_stored_is_told
    error = assert_raises(TypeError) { store.write("k", Object.new) }
    assert_includes error.message, "marshal: true"
    assert_raises(MCCache::ConfigError) { store(marshal: true).read("k") }
  end

  def test_two_processes_share_it
    a = store
    b = store
    a.write("k", "v")
    eventually { b.read("k") == "v" }
    b.delete("k")
    eventually { a.read("k").nil? }
  end
end
