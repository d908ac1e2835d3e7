"""Options of the configuration that only packages for asimov 0.5 to 0.8 read."""

from __future__ import annotations

from configparser import ConfigParser

from asimov.configuration import Options


def _environment(config: ConfigParser) -> str:
    return config.get("pipelines", "environment")


OPTIONS = Options(
    defaults={
        # bilby_pipe's pipeline `bilbyonline`.
        "gracedb/url": lambda config: "https://gracedb.ligo.org/api/",
        # bilby_tgr.
        "pesummary/executable": lambda config: f"{_environment(config)}/bin/summarypages",
        # RIFT: the environment of its programs, unless it is that of all pipelines.
        "rift/environment": _environment,
    },
    second_names={"general/calibration_directory": "ledger/category"},
    # Packages expect `configparser.NoOptionError` unless it is set, as of ``[condor] scheduler``.
    without_default=("general/calibration",),
)
