# frozen_string_literal: true

module MCCache
  # The bytes of a value, whatever their codec, where the core keeps them: Cache#view. Nothing is copied but what is asked
  # for. It does not change, and stays valid when the entry goes and when the cache is closed. Any thread may use it.
  class View
    # @api private
    def initialize(native, cache)
      @native = native
      @cache = cache
    end

    # @return [Integer]
    def bytesize
      @native.len
    end
    alias size bytesize

    # @return [Symbol, Integer] one of {CODECS}
    def codec
      CODECS.fetch(@native.codec, @native.codec)
    end

    # A copy of some of the bytes.
    #
    # @param offset [Integer] from the start; from the end if negative
    # @param length [Integer]
    # @return [String, nil] binary; nil if the offset is outside
    def byteslice(offset, length = 1)
      @native.bytes(offset, length)
    end

    # @param index [Integer] from the start; from the end if negative
    # @return [Integer, nil] 0 to 255; nil outside
    def getbyte(index)
      @native.byte(index)
    end

    # @return [String] all bytes, in binary
    def to_s
      @native.bytes(0, bytesize)
    end
    alias b to_s

    # @return [Object] what they stand for, as Cache#[] would give it
    # @raise [CodecError] if they cannot be read
    def value
      @native.object(@cache)
    end

    # @return [String]
    def inspect
      "#<MCCache::View #{codec}: #{bytesize} bytes>"
    end
  end
end
