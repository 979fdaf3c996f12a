# frozen_string_literal: true

require "mccache/version"
require "mccache/errors"
require "mccache/native_library"

# A Hash in every process, kept coherent across the cluster by UDP multicast, with no server.
#
#     require "mccache"
#     cache = MCCache.cache("demo")
#     cache["k"] = "v"
#
# Requiring it starts nothing: the first cache does.
module MCCache
  NativeLibrary.load
  NativeLibrary.check_abi(Native::ABI_VERSION, Native.abi_version)
end

require "mccache/codec"
require "mccache/durations"
require "mccache/records"
require "mccache/events"
require "mccache/listeners"
require "mccache/settings"
require "mccache/log"
require "mccache/invalidation"
require "mccache/loads"
require "mccache/view"
require "mccache/node"
require "mccache/cache"

module MCCache
  Native._bind(ERRORS_BY_STATUS, CodecError, Codec)

  UNSET = Object.new.freeze
  private_constant :UNSET

  @lock = Mutex.new
  @own = nil
  @logger = UNSET
  @default_logger = nil

  class << self
    # Sets where this process's log goes: what the core has to say (members that come and go, small buffers, settings without
    # effect), and what listeners and loads in the background raise. A Logger, such as Rails.logger; or anything with the method
    # `error(text)`, and with those of the other levels that it wants to hear. Its level is respected. A thread of its own
    # calls it, as long as there are nodes: a slow one holds up no cache.
    #
    # Until one is set, what listeners and loads raise goes to standard error, and what the core says nowhere. Nil: nothing is
    # logged.
    #
    # @param logger [Logger, #error, nil]
    # @raise [TypeError] if it is none
    def logger=(logger)
      unless logger.nil? || logger.respond_to?(:error)
        raise TypeError, "logger: a Logger, or what has its methods, is expected, not #{logger.class}"
      end

      @logger = logger
      Log.follow
    end

    # @return [Logger, #error, nil]
    def logger
      return @logger unless UNSET.equal?(@logger)

      @default_logger ||= begin
        require "logger"
        Logger.new($stderr, progname: "mccache")
      end
    end

    # Nil unless one was set.
    # @api private
    def logger_of_core
      @logger unless UNSET.equal?(@logger)
    end

    # The process's own node; the first call starts it, with the settings of file and environment. After a close it
    # starts anew.
    #
    # @return [Node]
    # @raise [ConfigError, NetworkError]
    # @raise [Ractor::UnsafeError] in a Ractor other than the main one
    def node
      refuse_ractor if defined?(::Ractor) && ::Ractor.current != ::Ractor.main

      @lock.synchronize do
        @own = nil if @own&.closed?
        @own ||= Node.own
      end
    end

    # A cache of the process's own node. The same name is the same cache, in every process.
    #
    # @param (see Node#cache)
    # @return [Cache]
    # @raise (see Node#cache)
    # @raise [NetworkError]
    def cache(name, marshal: false, **settings)
      node.cache(name, marshal: marshal, **settings)
    end

    # As {cache}; the cache that is given a block is closed when the block ends.
    #
    # @param (see Node#cache)
    # @yieldparam cache [Cache]
    # @return [Cache, Object] the cache, or what the block answers
    def open(name, marshal: false, **settings)
      opened = cache(name, marshal: marshal, **settings)
      return opened unless block_given?

      begin
        yield opened
      ensure
        opened.close
      end
    end

    # @return [String] the version of the core that is in use
    def version
      Native.version
    end

    # @api private
    def log_failure(what, error)
      backtrace = Array(error.backtrace).first(10).map { |line| "\n  #{line}" }.join
      logger&.error("#{what}: #{error.message} (#{error.class})#{backtrace}")
    rescue StandardError
      # A logger that fails, too, must not end the thread that logs.
      nil
    end

    private

    def refuse_ractor
      raise ::Ractor::UnsafeError, "mccache works in the main Ractor alone: use threads, or ask the main Ractor for values"
    end
  end
end
