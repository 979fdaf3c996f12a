//! The two files by which CMake finds an installed library: `find_package(mccache)`, with the targets
//! `mccache::mccache` (shared) and `mccache::static`.
//!
//! They name nothing but paths from where they are, so that a prefix may be moved.

use std::path::Path;

use crate::cargo::SONAME;

/// mccache-config.cmake, for a library below `libdir` of the prefix.
pub(crate) fn config(version: &str, libdir: &Path, native_libs: &[String]) -> String {
    // From lib/cmake/mccache, or as many folders deeper as the library's folder is.
    let up = "/..".repeat(libdir.components().count() + 2);
    let lib = libdir.display();
    let native = native_libs.join(";");
    format!(
        "# find_package(mccache) for C and C++: the targets mccache::mccache (shared) and mccache::static.
get_filename_component(_mccache_prefix \"${{CMAKE_CURRENT_LIST_DIR}}{up}\" ABSOLUTE)

include(CMakeFindDependencyMacro)
find_dependency(Threads)

foreach(_mccache_file IN ITEMS include/mccache.h include/mccache.hpp {lib}/libmccache.so.{version} {lib}/libmccache.a)
  if(NOT EXISTS \"${{_mccache_prefix}}/${{_mccache_file}}\")
    set(mccache_FOUND FALSE)
    set(mccache_NOT_FOUND_MESSAGE \"${{_mccache_prefix}}/${{_mccache_file}} is missing: install mccache again\")
    return()
  endif()
endforeach()

if(NOT TARGET mccache::mccache)
  add_library(mccache::mccache SHARED IMPORTED)
  set_target_properties(mccache::mccache PROPERTIES
    IMPORTED_LOCATION \"${{_mccache_prefix}}/{lib}/libmccache.so.{version}\"
    IMPORTED_SONAME \"{SONAME}\"
    INTERFACE_INCLUDE_DIRECTORIES \"${{_mccache_prefix}}/include\"
    INTERFACE_LINK_LIBRARIES Threads::Threads)

  add_library(mccache::static STATIC IMPORTED)
  set_target_properties(mccache::static PROPERTIES
    IMPORTED_LOCATION \"${{_mccache_prefix}}/{lib}/libmccache.a\"
    INTERFACE_COMPILE_DEFINITIONS MCC_STATIC
    INTERFACE_INCLUDE_DIRECTORIES \"${{_mccache_prefix}}/include\"
    INTERFACE_LINK_LIBRARIES \"Threads::Threads;{native}\")
endif()

unset(_mccache_file)
unset(_mccache_prefix)
"
    )
}

/// mccache-config-version.cmake. Before 1.0 the ABI may change with the minor version: that must be the same, and the
/// patch not less than asked. From 1.0 on the major version must be the same.
pub(crate) fn version_file(version: &str) -> String {
    let mut parts = version.split('.');
    let (major, minor) = (parts.next().unwrap_or("0"), parts.next().unwrap_or("0"));
    let series = if major == "0" {
        format!("PACKAGE_FIND_VERSION_MAJOR EQUAL {major} AND PACKAGE_FIND_VERSION_MINOR EQUAL {minor}")
    } else {
        format!("PACKAGE_FIND_VERSION_MAJOR EQUAL {major}")
    };
    format!(
        "set(PACKAGE_VERSION \"{version}\")
if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
  set(PACKAGE_VERSION_EXACT TRUE)
endif()
if({series} AND PACKAGE_FIND_VERSION VERSION_LESS_EQUAL PACKAGE_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
# The library is of one architecture.
if(CMAKE_SIZEOF_VOID_P AND NOT CMAKE_SIZEOF_VOID_P EQUAL {bytes})
  set(PACKAGE_VERSION_UNSUITABLE TRUE)
endif()
",
        bytes = size_of::<usize>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_found_from_any_depth() {
        assert!(config("0.1.0", Path::new("lib"), &[]).contains("CMAKE_CURRENT_LIST_DIR}/../../..\""));
        let deep = config("0.1.0", Path::new("lib/x86_64-linux-gnu"), &["-lc".to_owned()]);
        assert!(deep.contains("CMAKE_CURRENT_LIST_DIR}/../../../..\""), "{deep}");
        assert!(deep.contains("/lib/x86_64-linux-gnu/libmccache.so.0.1.0\""), "{deep}");
        assert!(deep.contains("\"Threads::Threads;-lc\""), "{deep}");
    }

    #[test]
    fn before_1_0_the_minor_version_must_be_the_same() {
        assert!(version_file("0.1.2").contains("MINOR EQUAL 1"));
        assert!(!version_file("1.4.2").contains("MINOR"));
    }
}
