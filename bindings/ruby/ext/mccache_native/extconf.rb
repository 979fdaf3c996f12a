# frozen_string_literal: true

# Makes the Makefile of the extension.
#
# Without options it builds against an installed libmccache, which pkg-config finds (PKG_CONFIG_PATH), or which is named by
# --with-mccache-dir=PREFIX. With --with-mccache-static=FILE the core is linked in, and nothing has to be installed where
# it is used: that is how the precompiled gem is made; --with-mccache-include=DIR and --with-mccache-libs="-l..." belong
# to it.

require "mkmf"

GLUE = "mccache_ruby.c"
MISSING = <<~TEXT

  mccache: libmccache and its header are needed to build this gem, and were not found.
  Any one of these cures it:
    * install the library from its source: cargo xtask install --prefix "$HOME/.local"
      and tell where it is: export PKG_CONFIG_PATH="$HOME/.local/lib/pkgconfig" (needs the program pkg-config)
    * name its prefix: gem install mccache -- --with-mccache-dir="$HOME/.local"
    * install the precompiled gem for this platform (#{Gem::Platform.local}) instead: it has the library inside
  What was tried is in %s.
TEXT

unless File.exist?(File.join(__dir__, GLUE))
  abort "mccache: #{GLUE} is missing. The gem carries it; in the repository `cargo xtask ruby` makes it (with swig)."
end

# Only the extension's entry is to be seen: another library in the process may have a mccache of its own.
def export_one_symbol
  return unless RUBY_PLATFORM.include?("linux")

  map = File.join(Dir.pwd, "exports.map")
  File.write(map, "{ global: Init_mccache_native; local: *; };\n")
  append_ldflags("-Wl,--version-script=#{map}")
  append_ldflags("-Wl,--gc-sections")
  append_ldflags("-Wl,--as-needed")
end

def link_statically(archive)
  abort "mccache: --with-mccache-static=#{archive}: there is no such file" unless File.file?(archive)
  $defs << "-DMCC_STATIC"
  $INCFLAGS << " -I#{with_config("mccache-include")}"
  $libs = "#{archive} #{with_config("mccache-libs")} #{$libs}"
  $LDFLAGS << " -Wl,-s" if RUBY_PLATFORM.include?("linux")
end

# A library outside of the system's folders is found again when the gem is loaded.
def remember(libdir)
  return if libdir.nil? || libdir.empty? || libdir.start_with?("/usr/lib", "/lib")

  append_ldflags("-Wl,-rpath,#{libdir}")
end

def link_installed
  given = arg_config("--with-mccache-dir")
  dir_config("mccache")
  if given
    remember(File.join(given, "lib"))
  elsif pkg_config("mccache")
    remember(pkg_config("mccache", "variable=libdir"))
  end
  abort format(MISSING, File.join(Dir.pwd, "mkmf.log")) unless have_header("mccache.h") && have_library("mccache", "mcc_abi_version")
end

static = with_config("mccache-static")
static ? link_statically(static) : link_installed
append_cflags("-fvisibility=hidden")
# Other extensions made by SWIG may be in the process: each keeps to its own types.
$defs << "-DSWIG_TYPE_TABLE=mccache"
export_one_symbol
create_makefile("mccache/mccache_native")
