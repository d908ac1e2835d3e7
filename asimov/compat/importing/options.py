"""Choose the options in an ``asimov.conf`` of asimov 0.5 to 0.8 that this version still reads."""

from __future__ import annotations

from configparser import ConfigParser

from asimov.engine.importing.incoming import Incoming

#: Sections that nothing here reads, with what to use instead.
_GONE = {
    "slurm": "there is no scheduler for Slurm; jobs run on HTCondor or on this machine",
    "api": "'asimov serve' makes keys of its own: 'asimov manage key --add NAME'",
    "theme": "reports have one look",
    "mattermost": "a section [notify NAME] with 'format = mattermost' does this here",
    "asimov start": "'asimov start' needs no accounting group of its own",
    "report": "times are shown in UTC",
}
#: Options and sections that `asimov init` sets here for itself, or that name folders of the old
#: project.
_OWN = {
    "project": None,
    "ledger": None,
    "logging": None,
    "scheduler": {"type"},
    "storage": None,
    "general": {"git_default", "rundir_default", "webroot", "logger", "environment"},
}
#: Options of a section that is kept which nothing reads.
_UNREAD = {("condor", "cache_time"), ("condor", "cron_minute"), ("condor", "accounting")}


def kept(config: ConfigParser, incoming: Incoming) -> dict[tuple[str, str], str]:
    """Return the options to keep; add a remark for each section or option that is left behind.

    Parameters
    ----------
    config
        The old project's configuration.
    incoming
        Takes the remarks.
    """
    found = {}
    for section in config.sections():
        values = dict(config.items(section))
        if section in _GONE:
            if values:
                incoming.remark("not understood", f"[{section}]", f"left behind: {_GONE[section]}")
            continue
        own = _OWN.get(section, set())
        for option, value in values.items():
            if own is None or option in own:
                continue
            if (section, option) in _UNREAD:
                incoming.remark(
                    "not understood", f"[{section}] {option}", "left behind: nothing here reads it"
                )
            elif section == "scheduler":
                incoming.remark(
                    "not understood",
                    f"[scheduler] {option}",
                    "left behind: see [monitor] 'max active' and 'max submissions'",
                )
            else:
                found[section, option] = value
    return found
