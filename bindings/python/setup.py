"""Builds `mccache._mccache`: SWIG writes the glue, cargo builds the core, and both become one library.

Nothing generated stays in the tree: the glue goes to setuptools' build directory, the core to cargo's. In a source
distribution the core's sources are under `core/`; in the repository they are two directories up.

Environment: CARGO, SWIG name the programs; CARGO_TARGET_DIR is cargo's own; MCC_PROFILE is the profile
("release" unless set; "dev" builds faster and runs slower).
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
#: What cargo and SWIG need of the repository. What a tree does not have is passed over.
CORE_FILES = ["Cargo.toml", "Cargo.lock", "LICENSE", "README.md", "build.rs", "cbindgen.toml"]
CORE_DIRECTORIES = [".cargo", "src", "include", "swig", "cli", "xtask", "benches", "examples", "tests"]
LEFT_OUT = shutil.ignore_patterns("target", "__pycache__", "*.pyc", "*.so", "node_modules")
#: What Rust's standard library asks of the linker (rustc --print native-static-libs).
SYSTEM_LIBRARIES = {"linux": ["gcc_s", "pthread", "m", "dl", "rt", "util"], "darwin": ["System", "c", "m"]}


def core() -> Path:
    """The directory of the core's Cargo.toml."""
    for place in (HERE / "core", HERE.parent.parent):
        if (place / "Cargo.toml").is_file() and (place / "swig" / "python.i").is_file():
            return place
    sys.exit(
        f"mccache: the core's sources are neither in {HERE / 'core'} (a source distribution) nor in "
        f"{HERE.parent.parent} (the repository); build from one of these, or install a wheel"
    )


def version() -> str:
    """The core's version is the package's."""
    manifest = (core() / "Cargo.toml").read_text(encoding="utf-8")
    found = re.search(r'^version\s*=\s*"([^"]+)"', manifest, re.MULTILINE)
    return found.group(1) if found else sys.exit("mccache: Cargo.toml has no version")


def program(variable: str, name: str, cure: str) -> str:
    """Where a program is that the build cannot do without."""
    path = shutil.which(os.environ.get(variable, name))
    return path if path else sys.exit(f"mccache: `{name}` is needed to build from source: {cure}")


class BuildCore(build_ext):
    """Generates, builds, links."""

    def build_extension(self, ext: Extension) -> None:
        root = core()
        Path(self.build_temp).mkdir(parents=True, exist_ok=True)
        ext.sources = [self.glue(root)]
        ext.extra_objects = [self.static_library(root)]
        ext.include_dirs = [str(root / "include")]
        ext.define_macros = [("MCC_STATIC", None)]
        ext.libraries = next((SYSTEM_LIBRARIES[os] for os in SYSTEM_LIBRARIES if sys.platform.startswith(os)), [])
        if self.compiler.compiler_type == "unix":
            ext.extra_compile_args = ["-O2", "-fvisibility=hidden"]
            ext.extra_link_args = self.export_one_symbol()
        super().build_extension(ext)

    def glue(self, root: Path) -> str:
        swig = program("SWIG", "swig", "pip install swig")
        glue = Path(self.build_temp) / "mccache_python.c"
        subprocess.run(
            [swig, "-python", "-builtin", "-O", "-threads", "-Wall", "-Werror", f"-I{root / 'swig'}",
             "-outdir", self.build_temp, "-o", str(glue), str(root / "swig" / "python.i")],
            check=True,
        )  # fmt: skip
        return str(glue)

    def static_library(self, root: Path) -> str:
        cargo = program("CARGO", "cargo", "see https://rustup.rs")
        command = [cargo, "rustc", "--package", "mccache", "--lib", "--crate-type", "staticlib", "--locked",
                   "--profile", os.environ.get("MCC_PROFILE", "release"),
                   "--message-format", "json-render-diagnostics"]  # fmt: skip
        built = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, check=True, text=True)
        for line in reversed(built.stdout.splitlines()):
            message = json.loads(line)
            if message.get("reason") == "compiler-artifact" and message["target"]["name"] == "mccache":
                for name in message["filenames"]:
                    if name.endswith((".a", ".lib")):
                        return name
        sys.exit("mccache: cargo built no static library")

    def export_one_symbol(self) -> list:
        """Another library in the process may have a mccache of its own: only the module's entry is to be seen."""
        if sys.platform == "darwin":
            return ["-Wl,-exported_symbol,_PyInit__mccache", "-Wl,-dead_strip"]
        script = Path(self.build_temp) / "exports.map"
        script.write_text("{ global: PyInit__mccache; local: *; };\n", encoding="ascii")
        return [f"-Wl,--version-script={script}", "-Wl,--gc-sections", "-Wl,--as-needed", "-Wl,-s"]


class SdistWithCore(sdist):
    """Puts the core's sources beside the package's."""

    def make_release_tree(self, base_dir: str, files: list) -> None:
        super().make_release_tree(base_dir, files)
        root, into = core(), Path(base_dir) / "core"
        into.mkdir(exist_ok=True)
        for name in CORE_FILES:
            if (root / name).is_file():
                shutil.copy2(root / name, into / name)
        for name in CORE_DIRECTORIES:
            if (root / name).is_dir():
                shutil.copytree(root / name, into / name, ignore=LEFT_OUT, dirs_exist_ok=True)


setup(
    version=version(),
    ext_modules=[Extension("mccache._mccache", sources=[])],
    cmdclass={"build_ext": BuildCore, "sdist": SdistWithCore},
)
