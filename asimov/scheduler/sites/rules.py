"""Faults that rules of sites look for in the submit commands of a job."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from asimov.scheduler.languages.sizes import size
from asimov.scheduler.sites.profile import Commands
from asimov.text import did_you_mean, quoted

Fault = Callable[[Commands], "str | None"]


def has(name: str, setting: str) -> Fault:
    """Look for a submit command that is missing.

    Parameters
    ----------
    name
        The command, as `asimov.scheduler.sites.check.normal` spells it.
    setting
        How a person sets it, for the message.
    """

    def fault(commands: Commands) -> str | None:
        return None if commands.get(name) else f"{name} is missing: set {setting}"

    return fault


def has_units(commands: Commands) -> str | None:
    """Look for a memory or disk request without a unit."""
    for name, unit in (("request_disk", "KB"), ("request_memory", "MB")):
        value = commands.get(name, "")
        if re.fullmatch(r"\d+(\.\d*)?", value):
            return f"{name} = {value} has no unit: write '{value} {unit}' if you mean that"
    return None


def no_whole_environment(commands: Commands) -> str | None:
    """Look for a job that inherits the whole environment of the submitting command."""
    value = commands.get("getenv", "")
    if value.lower() in {"true", "t", "yes", "1"}:
        return f"getenv = {value}: list the variables, as in 'getenv: HOME, PATH'"
    return None


def shares_no_files(commands: Commands) -> str | None:
    """Look for a job that relies on a shared file system."""
    if commands.get("should_transfer_files", "").lower() in {"no", "false", "never"}:
        return "its files are shared: set 'files: transfer'"
    return None


def among(name: str, values: Collection[str]) -> Fault:
    """Look for a command whose value, a string of ClassAds, is none of some."""

    def fault(commands: Commands) -> str | None:
        value = commands.get(name)
        if value is None or value.strip('"') in values:
            return None
        near = did_you_mean(value.strip('"'), values)
        return f"{name} is {quoted(value)}{near or '; the values are ' + ', '.join(values)}"

    return fault


def within_cores(name: str, gigabytes: float) -> Fault:
    """Look for a size above a number of GB for each of the processors that are requested."""

    def fault(commands: Commands) -> str | None:
        unit = "K" if name == "request_disk" else "M"
        asked = size(commands.get(name, ""), unit)
        cpus = commands.get("request_cpus", "1")
        if asked is None or not cpus.isdigit():
            return None
        needed = -(-asked // int(gigabytes * 1024 ** "KMG".index("G") / 1024 ** "KMG".index(unit)))
        if needed <= int(cpus):
            return None
        return f"{name} = {commands[name]} with request_cpus = {cpus}: request {needed} processors"

    return fault
