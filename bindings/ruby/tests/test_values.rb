# frozen_string_literal: true

require "support"
require "native_values"
require "set"
require "bigdecimal"

# What can be stored, in what shape it comes back, and what others may send.
class TestValues < Case
  def test_what_comes_back_as_it_was
    c = alone
    [
      Set[1, "a", [2]], Rational(-1, 3), BigDecimal("1.10"), BigDecimal("-1.5e-30"), BigDecimal("0"), 2**200, -(2**200),
      Date.new(2024, 2, 29), Time.new(2024, 2, 29, 12, 30, 15.5r, "-03:30"), Time.utc(0, 1, 1), Time.utc(9999, 12, 31),
      Time.at(1, 123_456_789, :nsec, in: "+00:00"), { [1, 2] => { nil => true } }, MCCache::Tagged.new(4000, [1]),
      MCCache::Simple.new(99), MCCache::Simple.new(3), ["\xff".b, "\u00e9"], { "k" => Time.utc(2024) }
    ].each do |value|
      c["k"] = value
      assert NativeValues.same?(value, c["k"]), "#{value.inspect}: #{c["k"].inspect}"
    end
  end

  def test_what_comes_back_in_another_shape
    c = alone
    text = Class.new(String)
    list = Class.new(Array)
    map = Class.new(Hash)
    {
      :symbol => "symbol", text.new("t") => "t", list[1, 2] => [1, 2], map[1, 2] => { 1 => 2 }, { a: :b } => { "a" => "b" },
      DateTime.new(2024, 1, 2, 3, 4, 5, "+02:00") => Time.new(2024, 1, 2, 3, 4, 5, "+02:00"),
      "\u00e9".encode("ISO-8859-1") => "\u00e9", "\u{1f980}".encode("UTF-16LE") => "\u{1f980}", "abc".encode("US-ASCII") => "abc",
      Time.new(1890, 1, 1, 0, 0, 0, 1172) => Time.new(1890, 1, 1, 0, 0, 0, 1172).utc
    }.each do |value, back|
      c["k"] = value
      assert NativeValues.same?(back, c["k"]), "#{value.inspect}: #{c["k"].inspect}"
    end
  end

  def test_strings_around_the_length_that_is_copied_come_back_and_count_once
    c = alone
    [0, 1, 1023, 1024, 1025, 5000].each do |length|
      ["\xff".b * length, "x" * length, ["x" * length]].each do |value|
        c["k"] = value
        before = c.stats
        assert_equal [value, value], [c["k"], c.fetch("k")]
        assert_equal 2, c.stats.hits - before.hits
        assert_equal 0, c.stats.misses - before.misses
      end
    end
  end

  def test_a_type_that_cannot_be_stored_is_named_and_changes_nothing
    c = alone
    c["k"] = "before"
    [[Object.new, "Object"], [[1, { "a" => Object.new }], "Object"], [-> {}, "Proc"], [String, "Class"], [1..2, "Range"],
     [Complex(1, 2), "Complex"], [Struct.new(:a).new(1), "#<Class"], [/x/, "Regexp"], [Mutex.new, "Mutex"]].each do |bad, name|
      error = assert_raises(TypeError) { c["k"] = bad }
      assert_includes error.message, name
      assert_includes error.message, "marshal: true"
    end
    assert_equal "before", c["k"]
  end

  def test_text_that_is_not_valid_is_refused
    c = alone
    ["\xff", "\xed\xa0\x80", "\xff".dup.force_encoding("US-ASCII"), "\x81".dup.force_encoding("Windows-1252"),
     "\xd8".dup.force_encoding("UTF-16BE"), "a".dup.force_encoding("UTF-7")].each do |bad|
      [-> { c["k"] = bad }, -> { c["k"] = [bad] }, -> { c["k"] = { bad => 1 } }, -> { c[bad] = 1 }].each do |use|
        error = assert_raises(MCCache::InvalidArgumentError, bad.inspect, &use)
        assert_includes error.message, "string.b"
      end
    end
    assert_equal 0, c.size
  end

  def test_nesting_is_bounded_and_cycles_are_refused
    c = alone
    c["k"] = nested(200)
    assert_equal nested(200), c["k"]
    c["k"] = nested(199, [Time.utc(2024)])
    assert_equal nested(199, [Time.utc(2024)]), c["k"]
    array = []
    array << array
    hash = {}
    hash["self"] = hash
    tagged = MCCache::Tagged.new(4000)
    tagged.value = tagged
    [nested(201), nested(100_000), array, hash, tagged].each do |bad|
      error = assert_raises(MCCache::CodecError) { c["k"] = bad }
      assert_includes error.message, "nested deeper than 200"
    end
  end

  def test_values_are_copied
    c = alone
    list = ["before"]
    c["k"] = list
    list << "after"
    c["k"] << "never"
    assert_equal ["before"], c["k"]
    refute c["k"].frozen?
    refute c["k"].first.frozen?
  end

  def test_what_others_may_write_is_read
    {
      "f7" => nil, "1800" => 0, "1900ff" => 255, "3b0000000000000000" => -1, "c24101" => 1, "c25f41014100ff" => 256, "c240" => 0,
      "f93c00" => 1.0, "f90001" => 5.960464477539063e-08, "f98000" => -0.0, "fa3fc00000" => 1.5, "f97c00" => Float::INFINITY,
      "f97e01" => Float::NAN, "fb7ff0000000000001" => Float::NAN, "fa7fc00001" => Float::NAN,
      "5f4101420203ff" => "\1\2\3".b, "7f61616162ff" => "ab", "7fff" => "", "9f01820203ff" => [1, [2, 3]],
      "bf6161019f02ff03ff" => { "a" => 1, [2] => 3 }, "a2016161016162" => { 1 => "b" },
      "c11a5d000000" => Time.at(1_560_281_088).utc, "c1fb41d452d9e07ae148" => Time.at(1_363_896_193.92).utc.round(6),
      "c120" => Time.at(-1).utc, "d864190f9a" => Date.new(1980, 12, 8), "d8643929b3" => Date.new(1940, 10, 9),
      "c074323032362d31312d32355431323a33343a35365a" => Time.utc(2026, 11, 25, 12, 34, 56),
      "d9d9f7820102" => [1, 2], "d8c801" => MCCache::Tagged.new(200, 1), "d81c01" => MCCache::Tagged.new(28, 1), "e0" => MCCache::Simple.new(0), "f8ff" => MCCache::Simple.new(255)
    }.each do |hex, value|
      read = read([hex].pack("H*"))
      assert NativeValues.same?(value, read), "#{hex}: #{read.inspect}"
    end
  end

  def test_what_is_malformed_is_a_codec_error
    %w[
      18 19ff 1c 1f 3f 41 5f 5f61ff 5f5f41ffff 61ff 62c3 7f61ffff 81 82 8201 9f 9f01 a1 a101 bf bf01ff c0 c001 c1 c16161 c1f97e00
      c1f97c00 c2 c201 c26161 c4 c401 c48101 c4820161 c4820101ff d81e820100 d81e820120 d9010201 d903ec6a323032362d30322d3330
      d903ec01 d86461 d8641b7fffffffffffffff f800 f818 f81f fc ff 00ff 0000 9b7fffffffffffffff00 bb7fffffffffffffff00 5b7fffffffffffffff
      7bffffffffffffffff 9bffffffffffffffff c074323032362d30322d33305431323a33343a35365a c06161 c4821b7fffffffffffffff01 df
    ].each do |hex|
      error = assert_raises(MCCache::CodecError, hex) { read([hex].pack("H*")) }
      refute_empty error.message
    end
    assert_raises(MCCache::CodecError) { read("".b) }
    [129, 161, 192].each { |byte| assert_raises(MCCache::CodecError) { read([byte].pack("C") * 1_000_000) } }
    assert_raises(MCCache::CodecError) { read(("\x9f".b * 300) + ("\xff".b * 300)) }
    assert_raises(MCCache::CodecError) { read("\xff".b, 1) }
  end

  # Any bytes at all: an object or a codec error, and nothing else.
  def test_random_bytes_never_crash
    c = alone
    dice = Random.new(4)
    valid = NativeValues::ALL.values.map { |value| c["k"] = value; c.view("k").to_s[0, 60] }
    3000.times do |round|
      bytes = round.even? ? dice.bytes(dice.rand(1..40)) : valid.sample(random: dice).dup
      bytes.setbyte(dice.rand(bytes.bytesize), dice.rand(256)) unless bytes.empty?
      c.send(:_put_as, "k", bytes, 2, 0)
      begin
        c["k"]
      rescue MCCache::CodecError
        assert_equal bytes, c.view("k").to_s
      end
    end
  end

  def test_a_codec_that_is_not_known_is_named_and_the_view_works
    c = alone
    { 3 => "pickle", 5 => "Java", 6 => "BinaryFormatter", 200 => "codec 200" }.each do |codec, name|
      c.send(:_put_as, "k", "bytes", codec, 0)
      error = assert_raises(MCCache::CodecError) { c["k"] }
      assert_includes error.message, name
      assert_equal "bytes", c.view("k").to_s
      assert_equal MCCache::CODECS.fetch(codec, codec), c.metadata("k").codec
    end
    c.send(:_put_as, "k", "\xff", 1, 0)
    assert_includes assert_raises(MCCache::CodecError) { c["k"] }.message, "not UTF-8"
  end

  def test_marshal_is_off_unless_asked_for_and_needs_a_key
    plain = alone
    error = assert_raises(MCCache::ConfigError) { plain.node.cache("c", marshal: true) }
    assert_includes error.message, "crypto_key"

    key = ["k" * 32].pack("m0")
    one = node(cluster: "#{@cluster}-key", crypto_key: key, interface: "127.0.0.1")
    marshals = one.cache("c", marshal: true)
    reads = one.cache("c")
    assert_equal [true, false], [marshals.marshal?, reads.marshal?]
    refute_same marshals, reads
    marshals["k"] = [1..2, /x/]
    marshals["plain"] = [1]
    assert_equal [[1..2, /x/], :marshal], [marshals["k"], marshals.metadata("k").codec]
    assert_equal :cbor, marshals.metadata("plain").codec
    assert_equal [[1..2, /x/], [1]], [marshals.to_h["k"], reads["plain"]]
    error = assert_raises(MCCache::CodecError) { reads["k"] }
    assert_includes error.message, "marshal: true"
    assert_raises(MCCache::CodecError) { reads.to_h }
    assert_equal Marshal.dump([1..2, /x/]), reads.view("k").to_s
    marshals.send(:_put_as, "k", "\4\bgarbage", 4, 0)
    assert_raises(MCCache::CodecError) { marshals["k"] }
    assert_raises(TypeError) { marshals["k"] = -> {} }
    assert_equal(1..3, marshals.get_or_load("range") { 1..3 })
    assert_equal(1..3, marshals.take("range"))
  end

  # The cbor gem, written by others, reads what is written here.
  def test_an_independent_reader_agrees
    begin
      require "cbor"
    rescue LoadError
      skip "the cbor gem is not installed (apt-get install ruby-cbor)"
    end
    c = alone
    NativeValues::ALL.each do |name, value|
      next if value.is_a?(String) || name.include?("date")

      c["k"] = value
      assert NativeValues.same?(value, CBOR.decode(c.view("k").to_s)), name
      next if value.is_a?(Float) # which the gem writes shorter

      c.send(:_put_as, "k", CBOR.encode(value), 2, 0)
      assert NativeValues.same?(value, c["k"]), name
    end
  end

  private

  def read(bytes, codec = 2)
    @reader ||= alone
    @reader.send(:_put_as, "k", bytes, codec, 0)
    @reader["k"]
  end

  def nested(depth, inner = [])
    (depth - 1).times { inner = [inner] }
    inner
  end
end
