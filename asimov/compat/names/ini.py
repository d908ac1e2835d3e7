"""The configuration file of an analysis, as `production.get_configuration` returns it.

asimov-bayeswave and RIFT read its path (`ini_loc`).
"""

from __future__ import annotations

from configparser import ConfigParser
from configparser import Error as ConfigParserError
from functools import cached_property
from pathlib import Path

from asimov.errors import AsimovError


class ConfigurationError(AsimovError, ValueError):
    """There is no configuration yet, or it is not in the form of sections and options."""


class RunConfiguration:
    """A configuration file.

    Parameters
    ----------
    path
        The file, or a mapping of sections to mappings of options.

    Attributes
    ----------
    ini_loc
        What it was made from: the path, absolute where the analysis was asked for it.

    Raises
    ------
    ConfigurationError
        Where there is no such file. It is a `ValueError`, which packages catch.
    """

    def __init__(self, path: str | Path | dict[str, dict[str, object]]) -> None:
        self.ini_loc = path
        if not isinstance(path, dict) and not Path(path).is_file():
            raise ConfigurationError(
                "there is no configuration file yet",
                where=str(path),
                hint="create it with 'asimov manage build'",
            )

    @cached_property
    def ini(self) -> ConfigParser:
        """Its sections and options; option names keep their case.

        Raises
        ------
        ConfigurationError
            If the file has another format, which a pipeline may choose.
        """
        parser = ConfigParser(interpolation=None)
        parser.optionxform = str  # type: ignore[assignment, method-assign]
        if isinstance(self.ini_loc, dict):
            parser.read_dict(self.ini_loc)
            return parser
        try:
            parser.read_string(Path(self.ini_loc).read_text(), source=str(self.ini_loc))
        except (ConfigParserError, UnicodeDecodeError, OSError) as error:
            raise ConfigurationError(
                "is not a file of sections and options", where=str(self.ini_loc)
            ) from error
        return parser
