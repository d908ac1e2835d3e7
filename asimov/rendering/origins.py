"""Which templates are code, and which are data: the place of the file says it.

A file of an installed package is code, as the package itself is: its templates get the real
objects. Every other file is data and is rendered in a sandbox, also one that a package's template
includes. Links count by where they lead.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Origins:
    """The folders that templates come from; all of them resolved.

    Attributes
    ----------
    project
        Folders of the project: what lies in them is data.
    packages
        Folders of installed packages: what lies in them is code.
    given
        Folders that an installed package names: code, but for what lies in the project.
    """

    project: tuple[Path, ...] = ()
    packages: tuple[Path, ...] = ()
    given: tuple[Path, ...] = ()

    def is_code(self, path: Path) -> bool:
        """Say whether a template gets the real objects.

        A package may be installed within the project's folder. A project within a package's
        folder stays data.
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
    """Return folders by where they really are."""
    return tuple(dict.fromkeys(each.resolve() for each in folders if each is not None))


@cache
def package_folders(kind: Any) -> tuple[Path, ...]:
    """Return the folders of the packages that a class and its bases come from.

    A module that is not in a package has none: what lies beside it need not belong to it.
    """
    found = [_folder(each.__module__) for each in kind.__mro__]
    return resolved(*found)


def _folder(module: str) -> Path | None:
    """Return the folder of the outermost package of a module that is one, not just a namespace."""
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        package = sys.modules.get(".".join(parts[:length]))
        if package is not None and hasattr(package, "__path__"):
            file = getattr(package, "__file__", None)
            if file:
                return Path(file).parent
    return None
