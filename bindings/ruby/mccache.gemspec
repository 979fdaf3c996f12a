# frozen_string_literal: true

require_relative "lib/mccache/version"

# Two gems come of this. Where native libraries lie below lib/mccache/ (one for each Ruby, as `cargo xtask ruby` puts them)
# it is the precompiled one, for this platform; else it is the source gem, which carries the generated glue and builds
# against an installed libmccache.
Gem::Specification.new do |spec|
  spec.name = "mccache"
  spec.version = MCCache::VERSION
  spec.summary = "A Hash in every process, kept coherent across the cluster by UDP multicast, with no server"
  spec.description = "Reads never leave the process; writes go to the other members in the background. Every language's " \
                     "binding shares one core: what Ruby puts, Python, Java, C#, C and C++ read."
  spec.authors = ["The mccache authors"]
  spec.license = "MIT"
  spec.metadata = { "rubygems_mfa_required" => "true" }

  folder = __dir__
  precompiled = Dir[File.join(folder, "lib/mccache/[0-9]*/mccache_native.#{RbConfig::CONFIG["DLEXT"]}")]
  patterns = %w[lib/**/*.rb sig/**/*.rbs README.md LICENSE]
  if precompiled.empty?
    spec.extensions = ["ext/mccache_native/extconf.rb"]
    spec.required_ruby_version = ">= 3.0"
    patterns << "ext/**/*.{rb,c,h}"
  else
    rubies = precompiled.map { |file| Gem::Version.new(File.basename(File.dirname(file))) }.sort
    spec.platform = Gem::Platform.local
    spec.required_ruby_version = [">= #{rubies.first}", "< #{rubies.last.bump}"]
    patterns << "lib/mccache/[0-9]*/*"
  end
  spec.files = Dir.chdir(folder) { Dir[*patterns].select { |path| File.file?(path) }.sort }
end
