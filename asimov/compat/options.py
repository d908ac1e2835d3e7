"""Options of the configuration that only published packages read, with their built-in values.

Two more have none, since packages take an option that is not set for an answer of its own:
``[condor] scheduler`` and ``[general] calibration`` raise `configparser.NoOptionError`.
"""

from __future__ import annotations

from collections.abc import Callable
from configparser import ConfigParser


def _environment(config: ConfigParser) -> str:
    return config.get("pipelines", "environment")


#: What holds where no file sets an option; it may depend on other options.
VALUES: dict[tuple[str, str], Callable[[ConfigParser], str]] = {
    # bilby_pipe's pipeline `bilbyonline`.
    ("gracedb", "url"): lambda config: "https://gracedb.ligo.org/api/",
    # bilby_tgr.
    ("pesummary", "executable"): lambda config: f"{_environment(config)}/bin/summarypages",
    # RIFT: where its programs are, if not with those of all pipelines.
    ("rift", "environment"): _environment,
}


def complete(config: ConfigParser) -> None:
    """Give the options that no file has set their values."""
    for (section, option), value in VALUES.items():
        if not config.has_option(section, option):
            config.read_dict({section: {option: value(config)}})


def is_filled_in(config: ConfigParser, section: str, option: str) -> bool:
    """Say whether an option is one of these and has the value that it has where no file sets it."""
    value = VALUES.get((section, option))
    return value is not None and config.get(section, option) == value(config)
