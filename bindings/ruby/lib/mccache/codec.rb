# frozen_string_literal: true

module MCCache
  # A CBOR item with a tag that Ruby has no type for, as it was read. It can be put again.
  # @!attribute [r] tag
  #   @return [Integer] the number (https://www.iana.org/assignments/cbor-tags)
  # @!attribute [r] value
  #   @return [Object] the item behind it
  Tagged = Struct.new(:tag, :value)

  # A simple value of CBOR that Ruby has no object for, as it was read. It can be put again.
  # @!attribute [r] number
  #   @return [Integer] 0 to 19, or 32 to 255
  Simple = Struct.new(:number)

  # The half of CBOR that needs Ruby's libraries: times, dates, sets, exact numbers, tags nobody knows. The other half is C.
  #
  # Nothing that is read names a class to be made, or code to be run.
  # @api private
  module Codec
    DATE_TIME = 0
    EPOCH = 1
    DECIMAL = 4
    RATIONAL = 30
    DAYS = 100
    SET = 258
    DATE = 1004
    SELF_DESCRIBED = 55_799

    # RFC 3339.
    DATE_TIME_TEXT = /\A(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,18})\d*)?([Zz]|[+-]\d\d:\d\d)\z/.freeze
    DATE_TEXT = /\A(\d{4})-(\d\d)-(\d\d)\z/.freeze
    YEARS = (0..9999).freeze
    # A decimal's exponent beyond this is nothing that a price or a measurement has, and everything an attack has.
    EXPONENT_MAX = 1_000_000
    UNIX_EPOCH_JULIAN_DAY = 2_440_588

    class << self
      # Called by the extension for an object it does not know.
      # @return [Array(Integer, Object), Integer, nil] tag and item; the number of a simple value; nil: CBOR has no form
      def to_tag(object)
        # ActiveSupport's times with zone say so, too, and are of no class of Ruby's.
        return [DATE_TIME, time_text(plain_time(object))] if object.is_a?(Time)

        case object
        when Tagged then [object.tag, object.value]
        when Simple then simple_number(object)
        when Rational then [RATIONAL, [object.numerator, object.denominator]]
        else to_tag_of_library(object)
        end
      end

      # Called by the extension for a tag other than a bignum's.
      def from_tag(tag, item)
        case tag
        when DATE_TIME then read_time(item)
        when EPOCH then read_epoch(item)
        when DATE then read_date(item)
        when DAYS then read_days(item)
        when DECIMAL then read_decimal(item)
        when RATIONAL then read_rational(item)
        when SET then read_set(item)
        when SELF_DESCRIBED then item
        else Tagged.new(tag, item)
        end
      end

      # Called by the extension for a simple value that is no constant of Ruby's.
      def from_simple(number)
        Simple.new(number)
      end

      # Called by the extension, in a cache that was opened for it, for what CBOR does not carry.
      def marshal_dump_value(object)
        Marshal.dump(object)
      end

      # Called by the extension in such a cache.
      def marshal_load_value(bytes)
        Marshal.load(bytes)
      rescue StandardError => error
        raise CodecError, "a value of #{bytes.bytesize} bytes is not readable by Marshal: #{error.message}"
      end

      private

      # The types of libraries that may not be loaded: then no object is of them.
      def to_tag_of_library(object)
        if defined?(::DateTime) && object.is_a?(::DateTime)
          [DATE_TIME, time_text(object.to_time)]
        elsif defined?(::Date) && object.is_a?(::Date)
          [DATE, date_text(object)]
        elsif defined?(::Set) && object.is_a?(::Set)
          [SET, object.to_a]
        elsif defined?(::BigDecimal) && object.is_a?(::BigDecimal)
          write_decimal(object)
        end
      end

      def plain_time(time)
        time.instance_of?(Time) ? time : Time.at(time.to_r, in: time.utc_offset)
      end

      def time_text(time)
        # RFC 3339 has no seconds in its offsets, as zones before 1900 had.
        time = time.getutc unless (time.utc_offset % 60).zero?
        raise CodecError, "a time of the year #{time.year} cannot be stored: years are 0 to 9999" unless YEARS.cover?(time.year)

        nanoseconds = time.nsec
        fraction = if nanoseconds.zero? then ""
                   elsif (nanoseconds % 1000).zero? then ".%06N"
                   else ".%09N"
                   end
        time.strftime("%Y-%m-%dT%H:%M:%S#{fraction}#{time.utc_offset.zero? ? "Z" : "%:z"}")
      end

      def date_text(date)
        raise CodecError, "a date of the year #{date.year} cannot be stored: years are 0 to 9999" unless YEARS.cover?(date.year)

        date.strftime("%Y-%m-%d")
      end

      def simple_number(simple)
        number = simple.number
        return number if number.is_a?(Integer) && number.between?(0, 255) && !number.between?(20, 31)

        raise CodecError, "there is no simple value #{number.inspect}: they are 0 to 19 and 32 to 255"
      end

      # Tag 4: [exponent, mantissa]. What is not finite is a float to CBOR, and would not come back as it was.
      def write_decimal(decimal)
        raise CodecError, "a BigDecimal that is #{decimal} cannot be stored" unless decimal.finite?

        sign, digits, _base, exponent = decimal.split
        [DECIMAL, [exponent - digits.length, sign * digits.to_i]]
      end

      def read_time(text)
        match = DATE_TIME_TEXT.match(text) if text.is_a?(String)
        raise CodecError, "a date and time is no RFC 3339 text: #{text.inspect}" unless match

        year, month, day, hour, minute, second = match[1..6].map { |digits| Integer(digits, 10) }
        exact = match[7] ? second + Rational(Integer(match[7], 10), 10**match[7].length) : second
        time = make_time(year, month, day, hour, minute, exact, match[8])
        # Ruby takes 31 February for 3 March.
        raise CodecError, "there is no such day: #{text}" unless second == 60 || (time.month == month && time.day == day)

        time
      end

      def make_time(year, month, day, hour, minute, second, zone)
        return Time.utc(year, month, day, hour, minute, second) if zone.casecmp?("z")

        Time.new(year, month, day, hour, minute, second, zone)
      rescue ArgumentError => error
        raise CodecError, "a date and time is out of range: #{error.message}"
      end

      def read_epoch(seconds)
        valid = seconds.is_a?(Integer) || (seconds.is_a?(Float) && seconds.finite?)
        raise CodecError, "a time is no number of seconds: #{seconds.inspect}" unless valid

        Time.at(seconds).utc.round(6)
      end

      def read_date(text)
        match = DATE_TEXT.match(text) if text.is_a?(String)
        raise CodecError, "a date is no text like 2026-11-25: #{text.inspect}" unless match

        require "date"
        year, month, day = match[1..3].map { |digits| Integer(digits, 10) }
        raise CodecError, "there is no such day: #{text}" unless ::Date.valid_date?(year, month, day)

        ::Date.new(year, month, day)
      end

      def read_days(days)
        raise CodecError, "a date is no number of days: #{days.inspect}" unless days.is_a?(Integer)

        require "date"
        date = ::Date.jd(UNIX_EPOCH_JULIAN_DAY + days)
        raise CodecError, "a date is out of range: #{days} days" unless YEARS.cover?(date.year)

        date
      end

      def read_decimal(pair)
        exponent, mantissa = integers(pair, "a decimal")
        raise CodecError, "a decimal is out of range: its exponent is #{exponent}" if exponent.abs > EXPONENT_MAX

        require "bigdecimal"
        BigDecimal("#{mantissa}e#{exponent}")
      end

      def read_rational(pair)
        numerator, denominator = integers(pair, "a rational")
        raise CodecError, "a rational's denominator is #{denominator}" unless denominator.positive?

        Rational(numerator, denominator)
      end

      def read_set(items)
        raise CodecError, "a set is no array" unless items.is_a?(Array)

        require "set"
        ::Set.new(items)
      end

      def integers(pair, what)
        valid = pair.is_a?(Array) && pair.length == 2 && pair.all?(Integer)
        raise CodecError, "#{what} is no pair of integers" unless valid

        pair
      end
    end
  end
end
