"""Run hundreds of long analyses on a batch system without losing one.

Importing this package does nothing: no file, project, pool or plugin is
touched. The names that plugins import from here (`config`, `logger`,
`logging`, `LOGGER_LEVEL`, `current_ledger`) are made when first asked for.
"""

from asimov._version import __version__

__all__ = ["__version__"]

# Modules that only published packages import (`asimov.event`, `asimov.priors`, ...) lie in a
# folder of their own, and are imported by these names.
__path__.append(f"{__path__[0]}/compat/names")


def __getattr__(name: str) -> object:
    if name in {"config", "logger", "logging", "LOGGER_LEVEL"}:
        from asimov.project import current

        return getattr(current, name)
    if name == "current_ledger":
        from asimov.plugins.current_ledger import current_ledger

        return current_ledger()
    raise AttributeError(f"module 'asimov' has no attribute {name!r}")
