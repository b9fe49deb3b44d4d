"""Builds the package through the Makefile, so that there is one truth about how Chariot is compiled.

`pip install .` makes libchariot, the extension and the launcher for the Python that runs this; pyproject.toml has the rest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Distribution, Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

from distutils.command.build_scripts import build_scripts  # setuptools' own, once setuptools is imported

ROOT = Path(__file__).resolve().parent
BUILD = "build/release"
EXT_BUILD = f"{BUILD}/pip"  # apart from the extension for .venv, which may be another Python's
COMMANDS = {"chariot": "chariot", "charmrun": "chariot", "chariot-lb-lab": "chariot-lb-lab", "chariot-etcd": "chariot-etcd", "chariot-dial": "chariot-dial"}  # what each is a copy of
if shutil.which("pkg-config") and subprocess.run(["pkg-config", "--exists", "pmix"]).returncode == 0:
    COMMANDS["chariot-pmix"] = "chariot-pmix"  # as the Makefile builds it
LIBRARIES = ["libchariot.so.0", "libchariot-grpc.so.0"]


def make(*arguments: str) -> None:
    drop = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # of a make that may have called pip
    env = {name: value for name, value in os.environ.items() if name not in drop}
    subprocess.run(["tools/setup.sh", "system"], cwd=ROOT, env=env, check=True)
    subprocess.run(["make", f"PYTHON={sys.executable}", f"PY_BUILD={EXT_BUILD}", *arguments], cwd=ROOT, env=env, check=True)


class BuildExt(build_ext):
    def build_extension(self, ext: Extension) -> None:
        shutil.rmtree(ROOT / EXT_BUILD, ignore_errors=True)  # its headers came from another build's environment
        make("ext", "lib")
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / EXT_BUILD / "_core.so", target)
        for library in LIBRARIES:
            shutil.copy(ROOT / BUILD / library, target.parent / library)
        make("headers-into", f"TO={target.parent.resolve() / 'include'}")


class BuildScripts(build_scripts):
    """The commands are programs, not scripts, and are copied as they are."""

    def run(self) -> None:
        make("launcher")
        target = Path(self.build_dir)
        target.mkdir(parents=True, exist_ok=True)
        for name, program in COMMANDS.items():
            shutil.copy(ROOT / BUILD / "bin" / program, target / name)


class BuildPy(build_py):
    """With the messages of chariot_client, and beside the package what makes `import charm4py` find it where CHARIOT_CHARM4PY is set."""

    def run(self) -> None:
        make("python/chariot_client/protos.pb")
        super().run()
        shutil.copy(ROOT / "python/chariot.pth", Path(self.build_lib) / "chariot.pth")


class Binary(Distribution):
    def has_scripts(self) -> bool:
        return True


setup(
    distclass=Binary,
    ext_modules=[Extension("chariot._core", sources=[])],
    scripts=[f"{BUILD}/bin/{name}" for name in COMMANDS],
    cmdclass={"build_py": BuildPy, "build_ext": BuildExt, "build_scripts": BuildScripts},
)
