"""Decide by the folder of a template whether it is trusted code or untrusted data.

A file of an installed package is code, like the package itself: it gets the real objects. Every
other file is data and is rendered in a sandbox, even if a package's template includes it. For a
link, its target counts.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import msgspec


class Origins(msgspec.Struct, frozen=True):
    """The folders that templates come from, with all links resolved.

    Attributes
    ----------
    project
        Folders of the project; templates in them are data.
    packages
        Folders of installed packages; templates in them are code.
    given
        Folders that an installed package names; templates in them are code unless they are in the
        project.
    """

    project: tuple[Path, ...] = ()
    packages: tuple[Path, ...] = ()
    given: tuple[Path, ...] = ()

    def is_code(self, path: Path) -> bool:
        """Say whether a template is code, and gets the real objects.

        A package may be installed inside the project's folder. A project inside a package's folder
        stays data.
        """
        file = path.resolve()
        packages = [each for each in self.packages if file.is_relative_to(each)]
        projects = [each for each in self.project if file.is_relative_to(each)]
        if projects:
            return any(all(p.is_relative_to(outer) for outer in projects) for p in packages)
        return bool(packages) or any(file.is_relative_to(each) for each in self.given)

    def may_read(self, path: Path) -> bool:
        """Say whether a file may be read as a template at all."""
        file = path.resolve()
        return any(
            file.is_relative_to(each) for each in (*self.project, *self.packages, *self.given)
        )


def resolved(*folders: Path | None) -> tuple[Path, ...]:
    """Return folders with all links resolved, without duplicates or None."""
    return tuple(dict.fromkeys(each.resolve() for each in folders if each is not None))


@cache
def package_folders(kind: Any) -> tuple[Path, ...]:
    """Return the folders of the packages that a class and its bases come from.

    A module outside of any package has none: the files next to it need not belong to it.
    """
    found = [_folder(each.__module__) for each in kind.__mro__]
    return resolved(*found)


def _folder(module: str) -> Path | None:
    """Return the folder of a module's outermost package that is not a namespace package."""
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        package = sys.modules.get(".".join(parts[:length]))
        if package is not None and hasattr(package, "__path__"):
            file = getattr(package, "__file__", None)
            if file:
                return Path(file).parent
    return None
