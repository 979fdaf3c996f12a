//! `cargo xtask install`: the library as C and C++ programmers expect to find it on a Unix system.
//!
//! lib/libmccache.so.X.Y.Z with its soname's link and the linker's link, lib/libmccache.a, include/, lib/pkgconfig/,
//! lib/cmake/mccache/. The pkg-config file names --prefix, never --destdir: a package is built in one and used in the
//! other. CMake's files find their prefix from where they are.

use std::path::{Path, PathBuf};

use crate::cargo::{Library, SONAME, build_library};
use crate::cmake;
use crate::journal::{Journal, Tally};
use crate::workspace::Workspace;

/// Where things go.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    /// Where the files will be used.
    pub(crate) prefix: PathBuf,
    /// What is put before every path while installing; empty for a direct installation.
    pub(crate) destdir: PathBuf,
    /// The library's folder, below the prefix.
    pub(crate) libdir: PathBuf,
    /// The pkg-config file finds its prefix from where it is, for an archive that is unpacked anywhere.
    pub(crate) relocatable: bool,
}

impl Destination {
    fn parse(options: &[&str]) -> Result<Destination, String> {
        let mut destination = Destination {
            prefix: "/usr/local".into(),
            destdir: PathBuf::new(),
            libdir: "lib".into(),
            relocatable: false,
        };
        let mut words = options.iter();
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some(both) => both,
                None => (*word, *words.next().ok_or_else(|| format!("install: {word} needs a folder"))?),
            };
            match name {
                "--prefix" => destination.prefix = value.into(),
                "--destdir" => destination.destdir = std::path::absolute(value).map_err(|error| error.to_string())?,
                "--libdir" => destination.libdir = value.into(),
                _ => return Err(format!("install: unknown option {name}; it takes --prefix, --destdir, --libdir")),
            }
        }
        if !destination.prefix.is_absolute() || !destination.libdir.is_relative() {
            return Err("install: --prefix must be absolute, and --libdir relative to it".to_owned());
        }
        Ok(destination)
    }

    /// A folder below the prefix, as a path to write to.
    fn folder(&self, below: impl AsRef<Path>) -> Result<PathBuf, String> {
        let used = self.prefix.join(below);
        let inside = used.strip_prefix("/").unwrap_or(&used);
        let folder = if self.destdir.as_os_str().is_empty() { used.clone() } else { self.destdir.join(inside) };
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(folder)
    }
}

/// Builds and installs.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal, options: &[&str]) -> Result<Tally, String> {
    install(workspace, journal, &Destination::parse(options)?)?;
    Ok(Tally::default())
}

/// Builds and installs where it is told.
pub(crate) fn install(workspace: &Workspace, journal: &mut Journal, destination: &Destination) -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        return Err("install: only Linux's layout is known; elsewhere take the library from target/release".to_owned());
    }
    let library = build_library(workspace, journal)?;
    let lib = destination.folder(&destination.libdir)?;
    let real = format!("libmccache.so.{}", workspace.version);
    copy(journal, &library.folder.join("libmccache.so"), &lib.join(&real))?;
    link(journal, &real, &lib.join(SONAME))?;
    link(journal, SONAME, &lib.join("libmccache.so"))?;
    copy(journal, &library.folder.join("libmccache.a"), &lib.join("libmccache.a"))?;

    let sources = workspace.root.join("include");
    for header in workspace.files_below("include", &["h", "hpp"])? {
        let below = header.strip_prefix(&sources).map_err(|error| error.to_string())?;
        let folder = destination.folder(Path::new("include").join(below.parent().unwrap_or(Path::new(""))))?;
        copy(journal, &header, &folder.join(below.file_name().unwrap_or_default()))?;
    }
    let description = destination.folder(destination.libdir.join("pkgconfig"))?.join("mccache.pc");
    write(journal, &description, &pkg_config(&workspace.version, destination, &library))?;
    let cmake_folder = destination.folder(destination.libdir.join("cmake/mccache"))?;
    let config = cmake::config(&workspace.version, &destination.libdir, &library.native_libs);
    write(journal, &cmake_folder.join("mccache-config.cmake"), &config)?;
    write(journal, &cmake_folder.join("mccache-config-version.cmake"), &cmake::version_file(&workspace.version))
}

fn write(journal: &mut Journal, to: &Path, text: &str) -> Result<(), String> {
    std::fs::write(to, text).map_err(|error| format!("{}: {error}", to.display()))?;
    journal.say(to.display().to_string());
    Ok(())
}

fn copy(journal: &mut Journal, from: &Path, to: &Path) -> Result<(), String> {
    // A running program may have the old file mapped: replace it, never write into it.
    let _absent = std::fs::remove_file(to);
    std::fs::copy(from, to).map_err(|error| format!("{} to {}: {error}", from.display(), to.display()))?;
    journal.say(to.display().to_string());
    Ok(())
}

#[cfg(unix)]
fn link(journal: &mut Journal, target: &str, at: &Path) -> Result<(), String> {
    let _absent = std::fs::remove_file(at);
    std::os::unix::fs::symlink(target, at).map_err(|error| format!("{}: {error}", at.display()))?;
    journal.say(format!("{} -> {target}", at.display()));
    Ok(())
}

#[cfg(not(unix))]
fn link(_journal: &mut Journal, target: &str, _at: &Path) -> Result<(), String> {
    Err(format!("install: no symbolic link to {target} on this system"))
}

fn pkg_config(version: &str, destination: &Destination, library: &Library) -> String {
    // From lib/pkgconfig, or as many folders deeper as the library's folder is.
    let up = destination.libdir.components().count() + 1;
    let prefix = if destination.relocatable {
        format!("${{pcfiledir}}{}", "/..".repeat(up))
    } else {
        destination.prefix.display().to_string()
    };
    format!(
        "prefix={prefix}
libdir=${{prefix}}/{}
includedir=${{prefix}}/include

Name: mccache
Description: A cache inside every process, kept coherent across the cluster, with no server
Version: {version}
Cflags: -I${{includedir}} -pthread
Cflags.private: -DMCC_STATIC
Libs: -L${{libdir}} -lmccache -pthread
Libs.private: {}
",
        destination.libdir.display(),
        library.native_libs.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_take_either_form_and_refuse_what_they_do_not_know() {
        let parsed = Destination::parse(&["--prefix", "/usr", "--libdir=lib64", "--destdir", "/pkg"]).expect("valid");
        let expected =
            Destination { prefix: "/usr".into(), destdir: "/pkg".into(), libdir: "lib64".into(), relocatable: false };
        assert_eq!(parsed, expected);
        assert!(Destination::parse(&["--prefix"]).expect_err("no value").contains("--prefix needs"));
        assert!(Destination::parse(&["--perfix", "/usr"]).expect_err("a slip").contains("--perfix"));
        assert!(Destination::parse(&["--prefix", "usr"]).expect_err("relative").contains("absolute"));
    }

    #[test]
    fn the_destdir_is_before_the_path_but_not_in_the_pkg_config_file() {
        let staging = tempfile::tempdir().expect("a folder");
        let mut destination = Destination {
            prefix: "/usr".into(),
            destdir: staging.path().into(),
            libdir: "lib".into(),
            relocatable: false,
        };
        assert_eq!(destination.folder("include").expect("created"), staging.path().join("usr/include"));
        let library = Library { folder: PathBuf::new(), native_libs: vec!["-lgcc_s".into(), "-lc".into()] };
        let text = pkg_config("0.1.0", &destination, &library);
        assert!(text.starts_with("prefix=/usr\nlibdir=${prefix}/lib\n"), "{text}");
        assert!(text.contains("Libs.private: -lgcc_s -lc\n"), "{text}");
        destination.relocatable = true;
        assert!(pkg_config("0.1.0", &destination, &library).starts_with("prefix=${pcfiledir}/../..\n"));
    }
}
