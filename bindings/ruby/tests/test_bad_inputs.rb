# frozen_string_literal: true

require "support"

# Every line of tests/bad_inputs.tsv, the same for every language. Each case answers the calls that must fail, or that look
# bad and are fine.
class TestBadInputs < Case
  TABLE = File.readlines(File.join(TABLES, "bad_inputs.tsv"), chomp: true)
              .reject { |line| line.start_with?("#") || line.empty? }
              .map { |line| line.split("\t") }
  ERRORS = {
    "type" => TypeError, "too large" => MCCache::TooLargeError, "invalid argument" => MCCache::InvalidArgumentError,
    "codec" => MCCache::CodecError, "config" => MCCache::ConfigError, "closed" => MCCache::ClosedError,
    "timeout" => MCCache::TimeoutError, "the loader's" => ZeroDivisionError
  }.freeze
  SURROGATE = "\xed\xa0\x80"

  TABLE.each do |name, what, expected|
    define_method("test_#{name}") do
      calls = send(:"case_#{name}")
      calls.each_with_index { |call, number| check(call, expected, "#{what}, call #{number}") }
    end
  end

  private

  def check(call, expected, what)
    return call.call if expected == "fine"

    before = @c.size if @c && !@c.closed?
    error = assert_raises(ERRORS.fetch(expected), what, &call)
    refute_empty error.message
    assert_equal before, @c.size if before
  end

  def c
    @c ||= alone
  end

  # Every call that takes a key.
  def with_key(key)
    [-> { c[key] }, -> { c[key] = 1 }, -> { c.fetch(key, 1) }, -> { c.put(key, 1) }, -> { c.put_new(key, 1) }, -> { c.key?(key) },
     -> { c.delete(key) }, -> { c.remove(key) }, -> { c.take(key) }, -> { c.touch(key) }, -> { c.metadata(key) }, -> { c.view(key) },
     -> { c.get_or_load(key) { 1 } }, -> { c.dig(key, 1) }, -> { c.values_at(key) }, -> { c.slice(key) }, -> { c.merge!({ key => 1 }) }]
  end

  def with_value(value)
    [-> { c["k"] = value }, -> { c.put("k", value) }, -> { c.put_new("k", value) }, -> { c.get_or_load("k") { value } },
     -> { c.merge!({ "k" => value }) }]
  end

  def read(bytes, codec)
    c.send(:_put_as, "bad", bytes.b, codec, 0)
    [-> { c["bad"] }, -> { c.fetch("bad") }, -> { c.view("bad").value }, -> { c.to_h }, -> { c.get_or_load("bad") { 1 } }]
  end

  def case_key_of_wrong_type = [1, 1.5, ["k"], Object.new, { "k" => 1 }, true].flat_map { |key| with_key(key) }
  def case_key_of_nothing = with_key(nil)
  def case_key_too_long = with_key("k" * 65_536) + with_key("\u{1f980}" * 16_385) + with_key("k".b * 65_536)
  def case_key_of_65535_bytes = [-> { c["k" * 65_535] = 1 }, -> { assert_equal 1, c["k" * 65_535] }]
  def case_key_empty = [-> { c[""] = 1 }, -> { assert_equal 1, c["".b] }, -> { assert_equal 1, c[:""] }]
  def case_key_with_lone_surrogate = with_key(SURROGATE) + with_key("\xff")
  def case_value_of_wrong_type = [-> {}, Thread.current, c, c.node, c.method(:size), $stdout].flat_map { |bad| with_value(bad) }
  def case_value_with_wrong_type_inside = with_value({ "a" => [Object.new] }) + with_value([c]) + with_value({ Object.new => 1 })

  def case_value_too_large
    @c = node(cluster: "#{@cluster}-small", max_value: 1000).cache("c")
    with_value("x" * 1001) + with_value(["x" * 1000])
  end

  def case_value_with_lone_surrogate = with_value(SURROGATE) + with_value([SURROGATE]) + with_value({ SURROGATE => 1 })

  def case_value_nested_201_deep
    with_value(Array.new(200).inject([]) { |inner, _| [inner] })
  end

  def case_value_that_contains_itself
    list = []
    list << list
    map = {}
    map[1] = map
    with_value(list) + with_value(map)
  end

  # Every Time and DateTime of Ruby's has a zone: there is none to refuse.
  def case_value_of_time_without_zone = []
  def case_read_of_malformed_cbor = ["\x81", "\x9b\xff", "\xff", "", "\x5b\x7f\xff\xff\xff\xff\xff\xff\xff"].flat_map { |bytes| read(bytes, 2).first(1) }
  def case_read_of_two_cbor_items = read("\x01\x02", 2)
  def case_read_of_cbor_nested_201_deep = read("#{"\x81" * 200}\x80", 2)
  def case_read_of_text_not_utf8 = read("\xff", 1)
  def case_read_of_unknown_codec = read("x", 200)

  def case_read_of_native_without_option
    (3..6).map { |codec| c.send(:_put_as, "bad#{codec}", "x", codec, 0) || -> { c["bad#{codec}"] } }
  end

  def case_native_without_key = [-> { c.node.cache("m", marshal: true) }]
  def case_cache_name_of_wrong_type = [1, nil, ["c"]].map { |name| -> { c.node.cache(name) } }
  def case_cache_name_empty = [-> { c.node.cache("") }]
  def case_cache_name_too_long = [-> { c.node.cache("n" * 256) }]
  def case_cache_name_with_zero_byte = [-> { c.node.cache("a\0b") }]

  def case_setting_unknown
    [-> { MCCache::Node.new(cache_tll: 5) }, -> { c.node.cache("d", cache_tll: 5) }].map do |call|
      lambda do
        call.call
      rescue MCCache::ConfigError => error
        assert_includes error.message, "cache_ttl"
        raise
      end
    end
  end

  def case_setting_of_bad_value = [-> { MCCache::Node.new(cache_max: "many") }, -> { c.node.cache("d", cache_max: "many") }]
  def case_setting_of_node_given_to_cache = [-> { c.node.cache("d", cluster: "other") }]

  def case_setting_other_than_open
    c.node.cache("d", cache_ttl: 5)
    [-> { c.node.cache("d", cache_ttl: 6) }]
  end

  def case_config_file_missing
    [lambda do
      MCCache::Node.new(config_file: "/nonexistent/mccache.toml")
    rescue MCCache::ConfigError => error
      assert_includes error.message, "/nonexistent/mccache.toml"
      raise
    end]
  end

  def case_config_file_wrong
    file = File.join(Dir.tmpdir, "bad-#{@cluster}.toml")
    [lambda do
      File.write(file, "cache_ttl = 5\nno toml\n")
      MCCache::Node.new(config_file: file)
    rescue MCCache::ConfigError => error
      assert_includes error.message, file
      assert_match(/line 2|:2/, error.message)
      raise
    ensure
      File.delete(file)
    end]
  end

  def with_ttl(ttl)
    [-> { c.put("k", 1, ttl: ttl) }, -> { c.put_new("k", 1, ttl: ttl) }, -> { c.touch("k", ttl: ttl) },
     -> { c.get_or_load("k", ttl: ttl) { 1 } }]
  end

  def with_timeout(timeout)
    [-> { c.sync(timeout) }, -> { c.events.pop(timeout: timeout) }, -> { c.get_or_load("k", timeout: timeout) { 1 } },
     -> { c.node.wait_ready(timeout) }, -> { c.cluster_checksum(timeout: timeout) }, -> { c.node.cluster_metrics(timeout: timeout) }]
  end

  def case_ttl_of_zero = with_ttl(0) + with_ttl(0.0)
  def case_ttl_negative = with_ttl(-1) + with_ttl(-Float::INFINITY) + with_ttl(Float::NAN)
  def case_ttl_of_wrong_type = with_ttl("60") + with_ttl(Time.now) + with_ttl([1]) + with_ttl(true)
  def case_ttl_too_long = with_ttl(1e300) + with_ttl(2**80) + [-> { assert_nil c.metadata("k").ttl }]
  def case_timeout_negative = with_timeout(-1)
  def case_timeout_of_wrong_type = with_timeout("soon")
  def case_loader_of_wrong_type = [-> { c.get_or_load("k", &5) }]

  def case_loader_that_fails
    [-> { c.get_or_load("k") { 1 / 0 } }, lambda do
      c.get_or_load("k") { 1 / 0 }
    ensure
      assert_equal(1, c.get_or_load("k", timeout: 0) { 1 })
      c.clear
    end]
  end

  def case_loader_of_bad_value
    [lambda do
      c.get_or_load("k") { Object.new }
    ensure
      assert_equal(1, c.get_or_load("k", timeout: 0) { 1 })
      c.clear
    end]
  end

  def case_loader_that_asks_for_its_own_key
    [-> { c.get_or_load("k") { c.get_or_load("k", timeout: 0.05) { flunk } } }]
  end

  def case_listener_of_wrong_type = [-> { c.on_change(&5) }, -> { c.node.on_change(&5) }]

  def closed_calls(cache)
    calls = [-> { cache["k"] }, -> { cache["k"] = 1 }, -> { cache.fetch("k") }, -> { cache.size }, -> { cache.keys }, -> { cache.to_h },
             -> { cache.clear }, -> { cache.sync }, -> { cache.stats }, -> { cache.checksum }, -> { cache.cluster_checksum },
             -> { cache.events }, -> { cache.on_change { nil } }, -> { cache.get_or_load("k") { 1 } }, -> { cache.delete("k") },
             -> { cache.remove("k") }, -> { cache.take("k") }, -> { cache.touch("k") }, -> { cache.put("k", 1) }, -> { cache.view("k") },
             -> { cache.put_new("k", 1) }, -> { cache.metadata("k") }, -> { cache.key?("k") }, -> { cache.merge!({ "k" => 1 }) },
             -> { cache.delete_if { true } }, -> { cache.empty? }, -> { cache.first }]
    @c = nil
    calls
  end

  def case_closed_cache
    cache = c
    cache.close
    closed_calls(cache)
  end

  def case_closed_node
    cache = c
    one = cache.node
    one.close
    closed_calls(cache) + [-> { one.cache("d") }, -> { one.members }, -> { one.events }, -> { one.wait_ready }, -> { one.keys },
                           -> { one.cluster_metrics }, -> { one.on_change { nil } }, -> { one.remove_key(1) }]
  end

  def case_closed_events
    events = c.events
    events.close
    [-> { events.pop }, -> { events.pop(timeout: 0) }]
  end

  def case_closed_twice
    events = c.events
    [-> { 2.times { events.close } }, -> { 2.times { c.close } }, -> { 2.times { c.node.close } }]
  end

  def case_iteration_while_closing
    cache = c
    100.times { |number| cache["k#{number}"] = number }
    @c = nil
    [-> { cache.each { cache.close } }]
  end
end
