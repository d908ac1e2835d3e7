"""Lay out the unpacked root folder of an image from this machine's Python, for tests and examples.

Building a real image needs a registry and a builder. A root folder needs neither: it has the
standard directories, an interpreter, the libraries these use, and the programs of the worker.
Charliecloud and bubblewrap run it as they run any other.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path

#: What every image has; runtimes mount their own things there.
_DIRECTORIES = [
    "dev",
    "etc",
    "home",
    "mnt",
    "opt",
    "proc",
    "root",
    "run",
    "srv",
    "sys",
    "tmp",
    "usr/bin",
    "usr/local/bin",
    "var/tmp",
]
#: Programs of the system that a worker may expect.
_PROGRAMS = (
    "sh",
    "bash",
    "cat",
    "cp",
    "env",
    "kill",
    "ls",
    "mkdir",
    "mv",
    "rm",
    "sed",
    "sleep",
    "touch",
    "true",
)
#: Folders of a standard library that no worker needs.
_LEFT_OUT = {"test", "tests", "idlelib", "lib2to3", "ensurepip", "site-packages", "__pycache__"}


def write_root(folder: Path, programs: Mapping[str, str], packages: Iterable[str] = ()) -> Path:
    """Write the root folder of an image, and return it.

    Parameters
    ----------
    folder
        The folder; it must not exist.
    programs
        Python programs for ``/usr/local/bin``: names and texts, without a first line ``#!``.
    packages
        Packages of the running Python to be copied, such as ``numpy``.
    """
    for name in _DIRECTORIES:
        (folder / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        (folder / "usr" / name).mkdir(exist_ok=True)
        (folder / name).symlink_to(f"usr/{name}")
    (folder / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (folder / "etc/group").write_text("root:x:0:\n")
    copied = [_system_program(folder, name) for name in _PROGRAMS]
    python = Path(sys.executable).resolve()
    copied.append(_copy(python, folder))
    library = Path(sysconfig.get_path("stdlib"))
    copied += _tree(library, folder / str(library).lstrip("/"))
    site = folder / "opt/packages"
    for name in packages:
        copied += _package(name, site)
    for path in _libraries(each for each in copied if each is not None):
        if not path.is_relative_to(folder):
            _copy(path, folder)
    for name, text in programs.items():
        program = folder / "usr/local/bin" / name
        head = f"#!{python} -sE\nimport sys\n\nsys.path.insert(0, '/opt/packages')\n"
        program.write_text(head + text)
        program.chmod(0o755)
    return folder


def _system_program(folder: Path, name: str) -> Path | None:
    found = shutil.which(name, path="/usr/bin:/bin")
    if found is None:
        return None
    target = folder / "usr/bin" / name
    _link(Path(found).resolve(), target)
    return target


def _copy(path: Path, folder: Path) -> Path:
    """Copy a file to its own path inside the root."""
    target = folder / str(path).lstrip("/")
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        _link(path.resolve(), target)
    return target


def _link(source: Path, target: Path) -> None:
    """Link a file where that is possible: an interpreter and its packages are large."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def _tree(source: Path, target: Path) -> list[Path]:
    """Copy a folder of Python code; return its binary modules."""
    found = []
    for here, folders, files in os.walk(source):
        folders[:] = [name for name in folders if name not in _LEFT_OUT]
        into = target / Path(here).relative_to(source)
        into.mkdir(parents=True, exist_ok=True)
        for name in files:
            _link(Path(here, name).resolve(), into / name)
            if ".so" in name:
                found.append(into / name)
    return found


def _package(name: str, site: Path) -> list[Path]:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    origin = Path(spec.origin)
    if origin.name != "__init__.py":
        site.mkdir(parents=True, exist_ok=True)
        _link(origin, site / origin.name)
        return []
    found = _tree(origin.parent, site / name)
    libraries = origin.parent.with_name(f"{name}.libs")  # where wheels keep theirs
    return found + (_tree(libraries, site / libraries.name) if libraries.is_dir() else [])


def _libraries(binaries: Iterable[Path]) -> list[Path]:
    """Return the shared libraries that binaries load, and the loader."""
    asked = subprocess.run(
        ["ldd", *map(str, binaries)], capture_output=True, text=True, check=False
    ).stdout
    return sorted({Path(os.path.normpath(path)) for path in re.findall(r"(/\S+) \(0x", asked)})
