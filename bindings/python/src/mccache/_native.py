"""Finds the extension module, or says where it was looked for and what to do."""

import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import List

PACKAGE = Path(__file__).resolve().parent
NAME = "_mccache"


def missing(error: ImportError) -> str:
    """Why there is no extension module: the places, what is there instead, and the cure."""
    lines: List[str] = [f"mccache's native module cannot be loaded: {error}", "It was looked for as"]
    lines += [f"  {PACKAGE / (NAME + suffix)}" for suffix in EXTENSION_SUFFIXES]
    there = sorted(path.name for path in PACKAGE.glob(NAME + ".*") if path.suffix in (".so", ".pyd", ".dylib"))
    python = f"Python {sys.version_info[0]}.{sys.version_info[1]} ({sys.executable})"
    if not there:
        lines.append("and none of these is there: this is the source, or a part of an installation.")
    else:
        lines.append(f"What is there: {', '.join(there)}; it may be built for another Python or another system.")
    lines.append(f"Install the package for this {python}: pip install --force-reinstall mccache, or from a checkout")
    lines.append("pip install ./bindings/python; and start Python where no folder named mccache hides the installed one.")
    return "\n".join(lines)


def check_abi(found: int, expected: int) -> None:
    """Refuses a core of another ABI than the glue was built for."""
    if found != expected:
        raise ImportError(
            f"mccache's native module was built for ABI {expected}, and the core in it has ABI {found}: two builds are "
            "mixed; install the package anew: pip install --force-reinstall mccache"
        )


try:
    from . import _mccache
except ImportError as error:
    raise ImportError(missing(error), name=f"mccache.{NAME}", path=str(PACKAGE)) from error

check_abi(_mccache.abi_version(), _mccache.ABI_VERSION)
