# frozen_string_literal: true

module MCCache
  # The version of the gem: that of the core it was made from.
  VERSION = "0.1.0"
end
