"""The submit commands that ``[condor]`` of the configuration sets for every job."""

from __future__ import annotations

from configparser import ConfigParser

from asimov.configuration import owner

#: Options of the section ``[condor]``, and the submit commands that they set.
_COMMANDS = {
    "accounting group": "accounting_group",
    "accounting_group": "accounting_group",
    "user": "accounting_group_user",
    "requirements": "requirements",
}


def default_commands(config: ConfigParser) -> dict[str, str]:
    """Return the submit commands of every job that does not set them itself."""
    commands = {
        command: value
        for name, command in _COMMANDS.items()
        if (value := config.get("condor", name, fallback="").strip())
    }
    if commands.get("accounting_group_user") == owner() and "accounting_group" not in commands:
        # HTCondor charges a job to its owner anyway, and some pools refuse a user alone.
        del commands["accounting_group_user"]
    return commands
