"""What goes into a submission beside what the user wrote."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from asimov.errors import SchedulerError
from asimov.scheduler.htcondor import tagging
from asimov.scheduler.htcondor.connection import bindings, literal


def batch_name_of(name: str) -> str:
    """Return a name for people as the submit language takes it: without double quotes."""
    return literal(name.replace('"', "'"))


def program_path(executable: str, initialdir: str | None) -> str:
    """Return a program's absolute path; HTCondor itself does not look on ``PATH``.

    Raises
    ------
    SchedulerError
        Where it is not found.
    """
    if "/" in executable or "$" in executable or Path(initialdir or ".", executable).exists():
        return executable
    found = shutil.which(executable)
    if found is None:
        raise SchedulerError(f"there is no program {executable!r} on PATH")
    return found


def for_nodes(commands: Mapping[str, str]) -> dict[str, str]:
    """Return the environment by which DAGMan gives submit commands to its nodes.

    The accounting group needs none: DAGMan hands its own on.
    """
    attributes = {
        key.removeprefix("+").removeprefix("My.").removeprefix("MY."): value
        for key, value in commands.items()
        if key.startswith(("+", "My.", "MY."))
    }
    configuration = tagging.submit_attributes(attributes) if attributes else {}
    requirements = next((v for k, v in commands.items() if k.lower() == "requirements"), None)
    if requirements:
        site = str(bindings().param.get("APPEND_REQUIREMENTS") or "").strip()
        both = f"({site}) && ({requirements})" if site else requirements
        configuration["APPEND_REQUIREMENTS"] = both
    return tagging.as_environment(configuration)
