"""What is installed: the stubs tell the truth, and one symbol is exported."""

import ast
import inspect
import shutil
import subprocess
import sys
import tempfile
import unittest
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import mccache
from mccache import _mccache
from mccache._native import check_abi
from support import Case

PACKAGE = Path(inspect.getfile(mccache)).parent


class Package(Case):
    def test_the_stub_names_what_there_is(self) -> None:
        tree = ast.parse((PACKAGE / "_mccache.pyi").read_text())
        stub = set()
        for item in tree.body:
            if isinstance(item, (ast.FunctionDef, ast.ClassDef)):
                stub.add(item.name)
            elif isinstance(item, ast.AnnAssign):
                stub.add(item.target.id)
            if isinstance(item, ast.ClassDef):
                for member in item.body:
                    if isinstance(member, ast.FunctionDef) and member.name != "__buffer__":
                        # What `_install` adds goes to the facade's class.
                        classes = [getattr(_mccache, item.name), getattr(mccache, item.name, None)]
                        there = any(hasattr(each, member.name) for each in classes)
                        self.assertTrue(there, (item.name, member.name))
        there = {name for name in vars(_mccache) if not name.startswith(("__", "SWIG", "_swig", "SHARED"))}
        self.assertEqual(stub, there)

    def test_it_is_typed(self) -> None:
        self.assertTrue((PACKAGE / "py.typed").is_file())
        for name in mccache.__all__:
            thing = getattr(mccache, name)
            self.assertTrue(inspect.getdoc(thing), name)
            for member, value in vars(thing).items() if inspect.isclass(thing) else ():
                if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                    self.assertTrue(inspect.getdoc(value), f"{name}.{member}")

    @unittest.skipUnless(shutil.which("nm"), "nm is not installed")
    def test_the_extension_exports_its_entry_and_nothing_else(self) -> None:
        library = inspect.getfile(_mccache)
        symbols = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True)
        self.assertEqual([line.split()[-1] for line in symbols.stdout.splitlines()], ["PyInit__mccache"])

    def copied(self, native: bool) -> str:
        """The package somewhere else, with its native module or without."""
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        left_out = shutil.ignore_patterns(*([] if native else ["_mccache*.so"]), "__pycache__")
        shutil.copytree(PACKAGE, Path(folder) / "mccache", ignore=left_out)
        return folder

    def test_a_missing_native_module_is_told_with_the_places_and_the_cure(self) -> None:
        folder = Path(self.copied(native=False))
        program = "import sys; sys.path.insert(0, sys.argv[1]); import mccache"
        ended = self.python(program, str(folder))
        self.assertNotEqual(ended.returncode, 0)
        for suffix in EXTENSION_SUFFIXES:
            self.assertIn(str(folder.resolve() / "mccache" / f"_mccache{suffix}"), ended.stderr)
        self.assertIn("none of these is there", ended.stderr)
        self.assertIn("pip install", ended.stderr)
        self.assertIn(sys.executable, ended.stderr)
        # As one for another Python is found: it is named.
        (folder / "mccache" / "_mccache.cpython-27-elsewhere.so").write_bytes(b"")
        self.assertIn("_mccache.cpython-27-elsewhere.so; it may be built for another", self.python(program, str(folder)).stderr)
        # And one that cannot be loaded, with the system's own words.
        (folder / "mccache" / f"_mccache{EXTENSION_SUFFIXES[0]}").write_bytes(b"not a library")
        self.assertRegex(self.python(program, str(folder)).stderr, "cannot be loaded: .*(ELF|header|invalid|short)")

    def test_a_core_of_another_abi_is_refused_with_both_numbers(self) -> None:
        with self.assertRaisesRegex(ImportError, "built for ABI 7, .* has ABI 8.*pip install"):
            check_abi(8, 7)
        check_abi(7, 7)
        program = """
import sys, types
fake = types.ModuleType("mccache._mccache")
fake.ABI_VERSION, fake.abi_version = 41, lambda: 42
sys.modules["mccache._mccache"] = fake
sys.path.insert(0, sys.argv[1])
try:
    import mccache
except ImportError as error:
    assert "41" in str(error) and "42" in str(error), error
else:
    raise SystemExit("a core of another ABI was taken")
"""
        self.succeeds(program, self.copied(native=True))

    def test_nothing_of_the_package_needs_swig_now(self) -> None:
        self.assertEqual([path.name for path in PACKAGE.iterdir() if path.suffix in (".i", ".c", ".swg")], [])


if __name__ == "__main__":
    unittest.main()
