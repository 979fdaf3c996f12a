"""What is installed: the stubs tell the truth, and one symbol is exported."""

import ast
import inspect
import shutil
import subprocess
import unittest
from pathlib import Path

import mccache
from mccache import _mccache
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
                        self.assertTrue(hasattr(getattr(_mccache, item.name), member.name), (item.name, member.name))
        there = {name for name in vars(_mccache) if not name.startswith(("__", "SWIG", "_swig", "SHARED"))}
        self.assertEqual(stub, there)

    def test_it_is_typed(self) -> None:
        self.assertTrue((PACKAGE / "py.typed").is_file())
        for name in mccache.__all__:
            self.assertIsNotNone(getattr(mccache, name).__doc__, name)

    @unittest.skipUnless(shutil.which("nm"), "nm is not installed")
    def test_the_extension_exports_its_entry_and_nothing_else(self) -> None:
        library = inspect.getfile(_mccache)
        symbols = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True)
        self.assertEqual([line.split()[-1] for line in symbols.stdout.splitlines()], ["PyInit__mccache"])

    def test_nothing_of_the_package_needs_swig_now(self) -> None:
        self.assertEqual([path.name for path in PACKAGE.iterdir() if path.suffix in (".i", ".c", ".swg")], [])


if __name__ == "__main__":
    unittest.main()
