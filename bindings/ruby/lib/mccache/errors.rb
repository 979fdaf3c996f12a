# frozen_string_literal: true

require "timeout"

module MCCache
  # In every exception of MCCache's own: `rescue MCCache::Error` takes them all. Each is also the built-in class that one
  # would expect. A key that `fetch` does not find is a plain KeyError, a wrong type a plain TypeError. The message is the
  # core's: what went wrong, and what to do about it. A call that failed changed nothing, but for delete and take of a value
  # that cannot be read: that is removed.
  module Error
  end

  # An argument is out of range, or a text is not valid in its encoding.
  class InvalidArgumentError < ArgumentError
    include Error
  end

  # The key or the value is longer than accepted.
  class TooLargeError < ArgumentError
    include Error
  end

  # A value cannot be written in, or read from, the form in which it crosses to other members.
  class CodecError < EncodingError
    include Error
  end

  # The cache, its node or the queue was closed.
  class ClosedError < IOError
    include Error
  end

  # The time allowed ran out. What was waited for may still happen.
  class TimeoutError < ::Timeout::Error
    include Error
  end

  # A setting or a configuration file is wrong: the message names it, where it stands and what is accepted.
  class ConfigError < ArgumentError
    include Error
  end

  # The network could not be set up or used: the message has the system's answer and a cure.
  class NetworkError < IOError
    include Error
  end

  # A promise of mccache did not hold: a bug in it, worth a report.
  class InternalError < RuntimeError
    include Error
  end

  # By mcc_status_t.
  # @api private
  ERRORS_BY_STATUS = {
    1 => KeyError,
    3 => InvalidArgumentError,
    4 => TooLargeError,
    5 => ClosedError,
    6 => TimeoutError,
    7 => ConfigError,
    8 => NetworkError,
    10 => InternalError
  }.freeze
  private_constant :ERRORS_BY_STATUS
end
