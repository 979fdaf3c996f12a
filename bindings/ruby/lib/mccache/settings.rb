# frozen_string_literal: true

module MCCache
  # Settings of Ruby's, as the text that the core takes.
  # @api private
  module Settings
    class << self
      # The settings of a node: the process's own, a file's, and these over them.
      def of_node(config_file, settings)
        config = Native::Config.from_environment
        config.load(path(config_file)) if config_file
        assign(config, settings)
      end

      # The settings of a cache, or nil for the node's.
      def of_cache(settings)
        settings.empty? ? nil : assign(Native::Config.new, settings)
      end

      private

      def assign(config, settings)
        settings.each { |name, value| config.set(name.to_s, text(name, value)) }
        config
      end

      def path(file)
        file.respond_to?(:to_path) ? file.to_path : file
      end

      def text(name, value)
        case value
        when String, Symbol, Integer, true, false then value.to_s
        when nil then refuse(name, value)
        else
          return value.to_path if value.respond_to?(:to_path)
          # Not is_a?: ActiveSupport::Duration says that it is its number.
          return number(value) if Numeric === value
          # A duration, with its unit: a number alone is of the setting's, which is the minute for some.
          return "#{number(value)}s" if value.respond_to?(:to_f) && !value.is_a?(Time)

          refuse(name, value)
        end
      end

      # 60.0 is 60 to a setting of whole seconds.
      def number(value)
        seconds = value.to_f
        seconds.finite? && seconds == seconds.to_i ? seconds.to_i.to_s : seconds.to_s
      end

      def refuse(name, value)
        raise TypeError, "setting `#{name}`: expected text, a number, true or false, a path or a duration, not #{value.class}"
      end
    end
  end
end
