# frozen_string_literal: true

require "support"
require "fileutils"

# What is in the gem, how it is loaded, and what is said where it cannot be.
class TestPackage < Case
  LIBRARY = MCCache.method(:cache).source_location.first
  EXTENSION = $LOADED_FEATURES.grep(/mccache_native/).first

  def test_the_gem_that_is_tested_is_the_one_that_was_installed
    home = ENV.fetch("TEST_GEM_HOME") { skip("not run by cargo xtask ruby: there is no gem") }
    assert LIBRARY.start_with?(home), LIBRARY
    assert EXTENSION.start_with?(home), EXTENSION
    assert_equal MCCache::VERSION, Gem.loaded_specs.fetch("mccache").version.to_s
    assert_equal ["MIT"], Gem.loaded_specs.fetch("mccache").licenses
    assert_empty Gem.loaded_specs.fetch("mccache").runtime_dependencies
  end

  def test_requiring_starts_opens_and_loads_nothing
    succeeds(<<~RUBY)
      def state = [Dir.children("/proc/self/fd").size, Dir.children("/proc/self/task").size, ENV.to_h]
      require "timeout"
      before = state
      require "mccache"
      raise "something was started: \#{before} \#{state}" unless state == before
      loaded = %w[Date BigDecimal Logger Set].select { |name| Object.const_defined?(name) && !Object.autoload?(name) }
      loaded -= %w[Set] if RUBY_VERSION >= "3.2"
      raise "loaded: \#{loaded}" unless loaded.empty?
    RUBY
  end

  def test_a_missing_native_library_lists_where_it_was_looked_for_and_the_cure
    without_library do |folder|
      error = failure_of_require(folder)
      ["Looked in:", "#{folder}/mccache/#{RUBY_VERSION[/\d+\.\d+/]}/mccache_native.#{RbConfig::CONFIG["DLEXT"]}",
       "#{folder}/mccache/mccache_native.", "Cure: install the gem"].each { |part| assert_includes error, part }
      refute_includes error, "It was found"
    end
  end

  def test_a_native_library_that_is_there_and_cannot_be_loaded_says_why
    without_library do |folder|
      File.write("#{folder}/mccache/mccache_native.#{RbConfig::CONFIG["DLEXT"]}", "not a library")
      error = failure_of_require(folder)
      ["It was found, but:", "mccache_native.#{RbConfig::CONFIG["DLEXT"]}", "Cure:"].each { |part| assert_includes error, part }
    end
  end

  def test_a_core_of_another_abi_is_refused_with_both_numbers
    assert_nil MCCache::NativeLibrary.check_abi(3, 3)
    error = assert_raises(LoadError) { MCCache::NativeLibrary.check_abi(3, 7) }
    assert_includes error.message, "built for ABI 3"
    assert_includes error.message, "runs with ABI 7"
  end

  # A library that says it is of ABI 77 stands before the one that the extension was built against. Where the core is inside
  # the extension it must not be heard at all.
  def test_a_library_of_another_abi_is_refused_when_it_is_loaded
    Dir.mktmpdir do |folder|
      File.write("#{folder}/other.c", "int mcc_abi_version(void) { return 77; }\n")
      assert system("cc", "-shared", "-fPIC", "-o", "#{folder}/other.so", "#{folder}/other.c"), "no C compiler"
      _, errors, status = Open3.capture3({ "LD_PRELOAD" => "#{folder}/other.so" }, *ruby("require 'mccache'"))
      if File.binread(EXTENSION).include?("libmccache.so")
        refute status.success?
        assert_includes errors, "built for ABI #{MCCache::Native::ABI_VERSION} of libmccache and runs with ABI 77"
      else
        assert_equal ["", true], [errors, status.success?]
      end
    end
  end

  def test_every_public_method_has_a_signature
    folder = File.expand_path("../sig", File.dirname(LIBRARY))
    text = Dir["#{folder}/*.rbs"].map { |file| File.read(file) }.join
    classes = [MCCache::Cache, MCCache::Node, MCCache::Events, MCCache::View, MCCache::Listener]
    missing = classes.flat_map do |type|
      body = text[/^  class #{type.name.split("::").last}\b.*?^  end$/m] || flunk("no signature of #{type}")
      names = type.public_instance_methods(false) - %i[initialize_copy forget listeners cache call]
      names.reject { |name| body.match?(/(def|alias) #{Regexp.escape(name.to_s)}(:| )|attr_reader #{Regexp.escape(name.to_s)}:/) }
           .map { |name| "#{type}##{name}" }
    end
    assert_empty missing
  end

  private

  # A copy of the Ruby files alone.
  def without_library
    Dir.mktmpdir do |folder|
      FileUtils.cp_r(Dir["#{File.dirname(LIBRARY)}/*"], folder)
      FileUtils.rm_rf(Dir["#{folder}/mccache/**/mccache_native.*"])
      yield File.realpath(folder)
    end
  end

  def failure_of_require(folder)
    _, errors, status = Open3.capture3({ "GEM_HOME" => folder, "GEM_PATH" => folder }, RbConfig.ruby, "-I", folder,
                                       "-e", "require 'mccache'")
    refute status.success?
    assert_includes errors, "LoadError"
    errors
  end
end
