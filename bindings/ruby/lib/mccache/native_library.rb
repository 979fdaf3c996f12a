# frozen_string_literal: true

module MCCache
  # Finds and loads the extension, and refuses a core of another ABI.
  # @api private
  module NativeLibrary
    # Where it may be below a folder of $LOAD_PATH: a precompiled gem has one for each Ruby, a built one has its own.
    NAMES = ["mccache/#{RUBY_VERSION[/\A\d+\.\d+/]}/mccache_native", "mccache/mccache_native"].freeze

    class << self
      # @return [void]
      # @raise [LoadError] with every place looked in, and the cure
      def load
        problems = []
        return if NAMES.any? { |name| try(name, problems) }

        raise LoadError, message(problems)
      end

      # @param built [Integer] the ABI the extension was built for
      # @param running [Integer] the ABI of the core it runs with
      # @raise [LoadError] if they differ
      def check_abi(built, running)
        return if built == running

        raise LoadError, "mccache was built for ABI #{built} of libmccache and runs with ABI #{running}: build the gem " \
                         "again (gem install mccache), or install the libmccache it was built for"
      end

      private

      def try(name, problems)
        require name
        true
      rescue LoadError => error
        # "cannot load such file" is what the list of places says; anything else is the reason.
        problems << error.message unless error.message.start_with?("cannot load such file")
        false
      end

      def message(problems)
        library = RbConfig::CONFIG["DLEXT"]
        places = NAMES.flat_map { |name| $LOAD_PATH.map { |folder| "  #{File.join(folder.to_s, name)}.#{library}" } }
        reasons = problems.map { |problem| "  #{problem.lines.first.chomp}\n" }
        "mccache's native library could not be loaded for Ruby #{RUBY_VERSION} on #{RUBY_PLATFORM}.\n" \
          "#{"It was found, but:\n#{reasons.join}" unless reasons.empty?}" \
          "Looked in:\n#{places.join("\n")}\n" \
          "Cure: install the gem for this platform and this Ruby, or the source gem, which builds it " \
          "(gem install mccache --platform ruby; needs libmccache and a C compiler). In a checkout: cargo xtask ruby."
      end
    end
  end
end
