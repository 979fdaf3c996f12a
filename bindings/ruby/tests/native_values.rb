# frozen_string_literal: true

require "date"

# The matrix of docs/VALUES.md in Ruby: by name the native value, and what is equal to what. The agent and the tests use it.
module NativeValues
  ALL = {
    "null" => nil, "true" => true, "false" => false,
    "int_0" => 0, "int_23" => 23, "int_24" => 24, "int_255" => 255, "int_256" => 256,
    "int_65535" => 65_535, "int_65536" => 65_536,
    "int_u32_max" => (2**32) - 1, "int_u32_max_plus_1" => 2**32, "int_2_53_plus_1" => (2**53) + 1,
    "int_i64_max" => (2**63) - 1, "int_i64_min" => -(2**63), "int_u64_max" => (2**64) - 1,
    "int_minus_1" => -1, "int_minus_24" => -24, "int_minus_25" => -25, "int_minus_256" => -256, "int_minus_257" => -257,
    "big_2_64" => 2**64, "big_minus_2_64_minus_1" => -(2**64) - 1,
    "float_0" => 0.0, "float_minus_0" => -0.0, "float_1_5" => 1.5, "float_1e300" => 1e300, "float_tiny" => 5e-324,
    "float_nan" => Float::NAN, "float_inf" => Float::INFINITY, "float_minus_inf" => -Float::INFINITY,
    "text_empty" => "", "text_ascii" => "plain text", "text_astral" => "\u{1f980} \u{1d11e} \u00e9",
    "text_zero" => "a\0b", "text_long" => "#{"x" * 100_000}\u{1f980}",
    "bytes_empty" => "".b, "bytes_zero" => "\x00\x01\x00\xff".b,
    "bytes_long" => Array.new(65_536) { |index| index % 251 }.pack("C*"),
    "list_empty" => [], "list_nested" => [1, [2, [3, []]], "x"],
    "list_mixed" => [nil, true, -1, 1.5, "t", "\x00\xff".b],
    "map_empty" => {}, "map_nested" => { "a" => 1, "b" => [1, 2], "c" => { "d" => nil } },
    "map_int_keys" => { 1 => "one", -2 => "minus two" },
    "datetime_utc" => Time.utc(2026, 11, 25, 12, 34, 56 + Rational(789_123, 1_000_000)),
    "datetime_offset" => Time.new(2026, 11, 25, 12, 34, 56, "+05:30"),
    "date" => Date.new(2026, 11, 25),
    "list_of_dates" => [Date.new(2026, 11, 25), Time.utc(2026, 11, 25, 12, 34, 56 + Rational(789_123, 1_000_000))],
    "list_floats" => [Float::NAN, Float::INFINITY, -Float::INFINITY, -0.0],
    "list_int_edges" => [-(2**63), (2**63) - 1, (2**64) - 1],
    "map_astral" => { "\u{1f980}" => "\u{1d11e}" },
    "datetime_before_1970" => Time.utc(1969, 12, 31, 23, 59, 59 + Rational(1, 1_000_000)),
    "date_leap" => Date.new(2024, 2, 29)
  }.freeze

  module_function

  # Equality with types: an integer is no float, text is no bytes, -0.0 is not 0.0, NaN is NaN, and a time has its zone.
  def same?(one, other)
    return false unless one.instance_of?(other.class)

    case one
    when Float then [one].pack("G") == [other].pack("G") || (one.nan? && other.nan?)
    when String then one == other && one.encoding == other.encoding
    when Time then one == other && one.utc_offset == other.utc_offset
    when Array then one.length == other.length && one.zip(other).all? { |pair| same?(*pair) }
    when Hash then one.length == other.length && one.all? { |key, value| other.key?(key) && same?(value, other[key]) }
    else one == other
    end
  end
end
