"""Run hundreds of long analyses on a batch system without losing one.

Importing this package does nothing: no file, project, pool or plugin is touched. Other packages may
add modules and names to it (see `asimov.discovery.names`); these are looked up when somebody asks
for them.
"""

import sys

from asimov._version import __version__

__all__ = ["__version__"]


def __getattr__(name: str) -> object:
    from asimov.discovery.names import added_to

    return added_to("asimov")(name)


class _AddedModules:
    """Find modules that other packages add to asimov, after every other finder has failed."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> object:
        if not name.startswith("asimov."):
            return None
        from asimov.discovery.names import spec_of

        return spec_of(name)


sys.meta_path.append(_AddedModules)  # type: ignore[arg-type]
