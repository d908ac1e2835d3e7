"""Read and change asimov.conf: built-in values, then the user's file, then the project's."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from configparser import (
    ConfigParser,
    DuplicateOptionError,
    DuplicateSectionError,
    MissingSectionHeaderError,
)
from configparser import Error as ConfigParserError
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import msgspec

from asimov.discovery import extensions
from asimov.errors import AsimovError, Place
from asimov.system import reading
from asimov.system.files import write_atomically
from asimov.text import quoted

PROJECT_FILE = Path(".asimov") / "asimov.conf"

#: Whom this process acts for, if that is not its user.
_acting_for: str | None = None

#: Default values. Published plugins expect an option that has no
#: default here (such as ``[condor] scheduler``) to raise `configparser.NoOptionError`.
BUILT_IN = {
    "general": {
        "rundir_default": "working",
        "git_default": "checkouts",
        "webroot": "pages",
    },
    "storage": {"directory": "results"},
    "logging": {"location": "logs"},
    "ledger": {"location": "ledger", "category": "analyses"},
    "condor": {},
    "scheduler": {},
    "monitor": {},
    "local": {},
}

#: Numeric options: the smallest value, and whether it must be a whole number.
NUMBERS = {
    "monitor/interval": (0, False),
    "monitor/patience": (0, False),
    "monitor/hook timeout": (0, False),
    "monitor/hooks interval": (0, False),
    "monitor/lease": (1, False),
    "monitor/max active": (0, True),
    "monitor/max submissions": (0, True),
    "local/processes": (1, True),
    "local/grace": (0, False),
    "condor/max queued": (0, True),
    "condor/query interval": (0, False),
    "service/largest upload": (1, False),
    "platipy/dicom port": (1, True),
}
#: Boolean options.
YES_OR_NO = ("local/enforce memory", "project/shared", "qhana/open")
#: Options that asimov reads and that have no default; used to recognise misspelt ones.
WITHOUT_VALUE = (
    *NUMBERS,
    *YES_OR_NO,
    "sharing/trusted",
    "platipy/dicom host",
    "platipy/dicom title",
    "templating/directory",
    "functions/modules",
    "scheduler/type",
    "site/name",
    "monitor/keeper",
    "condor/scheduler",
    "condor/collector",
    "condor/accounting group",
    "condor/requirements",
    "condor/spool",
    "container/runtime",
    "qhana/address",
    "qhana/registry",
)


def options_in(settings: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield section and name of each option of the program that some settings hold by mistake."""
    for named in WITHOUT_VALUE:
        section, _, option = named.partition("/")
        inside = settings.get(section)
        if section != "scheduler" and isinstance(inside, Mapping) and option in inside:
            yield section, option


#: The largest value of a numeric option; whole numbers below it fit into a database.
LARGEST = 1e15


def number(config: ConfigParser, section: str, option: str, otherwise: float) -> float:
    """Return the value of a numeric option.

    Parameters
    ----------
    config, section, option
        The option, by section and name.
    otherwise
        The value to return if it is not set.

    Raises
    ------
    AsimovError
        If it is not a number from 0 to `LARGEST`.
    """
    text = config.get(section, option, fallback=None)
    if text is None:
        return otherwise
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= LARGEST:
        raise AsimovError(
            f"should be a number from 0 to {LARGEST:g}, not {quoted(text)}",
            where=f"configuration: {section}/{option}",
            hint=f"to set the default: asimov configuration update '{section}/{option}' "
            f"'{otherwise:g}'",
        )
    return value


def user_file() -> Path:
    """Return the path of the user's own configuration file."""
    # Not Path.home(), which raises if neither HOME nor the system has one.
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    return Path(base) / "asimov" / "asimov.conf"


def owner() -> str:
    """Return the name of the current user, who owns the jobs."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the system has no name for this user
        return str(os.getuid())


def person() -> str:
    """Return who acts, for the log: the current user, or the one for whom the block acts."""
    return _acting_for or owner()


@contextmanager
def acting_for(name: str) -> Iterator[None]:
    """Act for somebody else within the block, who is named in the log.

    Parameters
    ----------
    name
        The name for the log.
    """
    global _acting_for  # noqa: PLW0603  (a process acts for one at a time)
    before, _acting_for = _acting_for, name
    try:
        yield
    finally:
        _acting_for = before


def read(root: Path | None = None) -> ConfigParser:
    """Read the configuration of a project, or the one that applies outside any project.

    Parameters
    ----------
    root
        The project's folder. It overrides ``[project] root`` of the file, so that a project
        can be moved.

    Raises
    ------
    AsimovError
        If `configparser` can't parse a file; the error gives file and line.
    """
    # No interpolation: queue expressions and formats contain percent signs.
    config = ConfigParser(interpolation=None)
    config.read_dict(BUILT_IN)
    config.read_dict(
        {
            "pipelines": {"environment": sys.prefix},
            "condor": {"user": owner()},
        }
    )
    for path in [user_file()] + ([root / PROJECT_FILE] if root else []):
        read_file(config, path)
    if root:
        config.read_dict({"project": {"root": str(root)}})
    for each in extensions.usable(extensions.OPTIONS):
        _add(config, each)
    return config


class Options(msgspec.Struct, frozen=True):
    """What a package adds to the configuration, under the entry-point group ``asimov.options``.

    Each option is written ``section/option``.

    Parameters
    ----------
    defaults
        Options with the function that returns the value if no file sets one. It takes the
        configuration, since the value may depend on other options.
    second_names
        Second names of asimov's options. A file may set either; the second name has priority.
    without_default
        Options that are read and have no default.
    """

    defaults: Mapping[str, Callable[[ConfigParser], str]] = msgspec.field(default_factory=dict)
    second_names: Mapping[str, str] = msgspec.field(default_factory=dict)
    without_default: tuple[str, ...] = ()


def _add(config: ConfigParser, options: Options) -> None:
    """Add a package's options to a configuration that was read from files."""
    for second, first in options.second_names.items():
        (section, option), place = second.split("/"), first.split("/")
        if not config.has_option(section, option):
            config.read_dict({section: {option: config.get(*place)}})
        config.read_dict({place[0]: {place[1]: config.get(section, option)}})
    for name, value in options.defaults.items():
        section, option = name.split("/")
        if not config.has_option(section, option):
            config.read_dict({section: {option: value(config)}})


def is_added_default(config: ConfigParser, section: str, option: str) -> bool:
    """Return whether an option has the default that another package gives it."""
    return any(
        value is not None and config.get(section, option) == value(config)
        for each in extensions.usable(extensions.OPTIONS)
        for value in [each.defaults.get(f"{section}/{option}")]
    )


def without_default() -> list[str]:
    """Return the options that are read and have no default, with those of other packages."""
    added = extensions.usable(extensions.OPTIONS)
    return [*WITHOUT_VALUE, *(name for each in added for name in each.without_default)]


_WRONG: dict[type[ConfigParserError], str] = {
    MissingSectionHeaderError: "it begins without a [section]",
    DuplicateSectionError: "it contains a section twice",
    DuplicateOptionError: "a section contains an option twice",
}


def read_file(config: ConfigParser, path: Path) -> None:
    """Add the options of a file to a configuration; a file that does not exist has none.

    Raises
    ------
    AsimovError
        If it can't be read or parsed; the error gives the line.
    """
    try:
        text = reading.contents(path).decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return
    except UnicodeDecodeError as error:
        raise AsimovError("is not UTF-8 text", where=path) from error
    except OSError as error:
        raise AsimovError(f"can't be read: {error.strerror}", where=path) from error
    try:
        config.read_string(text, source=str(path))
    except ConfigParserError as error:
        line = getattr(error, "lineno", None)
        errors = getattr(error, "errors", None)
        if errors:
            line = errors[0][0]
        raise AsimovError(
            f"is not a configuration file: {_WRONG.get(type(error), 'a line is neither')}",
            where=Place(path, line),
            hint="write [sections] with 'key = value' lines",
        ) from error


def update_file(path: Path, values: dict[tuple[str, str], str]) -> None:
    """Set options in a configuration file and keep its other options.

    Parameters
    ----------
    path
        The file; created if it is missing.
    values
        The new values by section and option.

    Raises
    ------
    AsimovError
        If a section, option or value would not survive being written and read back.
    """
    config = ConfigParser(interpolation=None)
    read_file(config, path)
    for (section, option), value in values.items():
        if section == config.default_section:
            raise AsimovError(
                f"the section {section!r} can't be changed",
                hint="it belongs to no part of asimov; use another, such as 'pipelines'",
            )
        if not config.has_section(section):
            config.add_section(section)
        config.set(section, option, value)
    text = StringIO()
    config.write(text)
    written = ConfigParser(interpolation=None)
    try:
        written.read_string(text.getvalue())
        bad = [each for each in values if written.get(*each) != values[each].strip()]
    except ConfigParserError:
        bad = list(values)
    if bad:
        raise AsimovError(
            f"{'/'.join(bad[0])!r} with that value can't be stored in the file", where=path
        )
    write_atomically(path, text.getvalue())
