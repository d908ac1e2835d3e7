"""The settings that each of asimov's own pipelines reads, besides those of every pipeline."""

from __future__ import annotations

#: Settings of a container that only the contract of SPT reads, and those that it does not.
OF_SPT = ("input", "settings", "general", "section", "shared folder", "cohort stratifier")
OF_COMMANDS = ("command", "mounts", "outputs", "working folder")

#: The settings by the names of the pipelines.
SETTINGS: dict[str, tuple[str, ...]] = {
    "command": (
        "arguments", "environment", "executable", "files", "input files", "inputs", "outputs",
        "processes", "seed", "template",
    ),
    "container": (
        "contract", "environment", "files", "gpus", "image", "plugins", "processes", "runtime",
        "scheduler", "seed", "input files", "inputs", *OF_COMMANDS, *OF_SPT,
    ),
    "function": (
        "defaults", "environment", "files", "function", "inputs", "outputs", "python", "seed",
        "settings",
    ),
    "phases": (
        "files", "phases", "runs", "script", "seed", "shards", "skip runs", "traces",
    ),
}  # fmt: skip
#: Names that every pipeline reads, or that may mean something else to people.
_GENERAL = {"scheduler", "template", "defaults", *OF_SPT, "plugins", "runs", "script"}
#: The pipelines that read each of the other names.
READERS = {
    name: tuple(each for each in SETTINGS if name in SETTINGS[each])
    for names in SETTINGS.values()
    for name in names
    if name not in _GENERAL
}
