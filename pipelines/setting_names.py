"""The settings that each of asimov's own pipelines reads, besides those of every pipeline."""

from __future__ import annotations

_ENVIRONMENT = "Environment variables of the job."
_FILES = "How the job gets its files: shared, transfer or auto."
_INPUTS = "Assets of other analyses that it uses, with their formats."
_INPUT_FILES = "Files of the project that the job needs."
_OUTPUTS = "Names of products, and their files or folders in the run directory."
_PROCESSES = "The number of processes; 1 by default."
_SCHEDULER = "Submit commands, such as 'request memory'."
_SEED = "A whole number for ASIMOV_SEED; drawn at the first build if not set."

#: Settings of a container that only the contract of SPT reads, and those that it does not.
OF_SPT = {
    "input": "The folder of graphs, for the contract spt.",
    "settings": "Values for the plugin's section of its configuration, for the contract spt.",
    "general": "Values for the section [general] of the configuration, for the contract spt.",
    "section": "The plugin's section, if the image prints several, for the contract spt.",
    "shared folder": "Whether input, output and working folder are one, for the contract spt.",
    "cohort stratifier": "What is kept with the ranks, for the contract spt.",
}
OF_COMMANDS = {
    "command": "The program in the image and its arguments: a list, or one text.",
    "mounts": "Files and folders by their paths in the container; all are read-only.",
    "outputs": _OUTPUTS,
    "working folder": "The path of the run directory in the container; /mnt/run by default.",
}

#: The settings, with what they are, by the names of the pipelines.
SETTINGS: dict[str, dict[str, str]] = {
    "command": {
        "executable": "The program: a name on PATH, or a path in the project. Required.",
        "arguments": "A list; each item is rendered as a template.",
        "outputs": f"{_OUTPUTS} Required.",
        "inputs": _INPUTS,
        "input files": _INPUT_FILES,
        "environment": _ENVIRONMENT,
        "files": _FILES,
        "processes": _PROCESSES,
        "seed": _SEED,
        "template": "The template of the configuration.",
    },
    "container": {
        "image": "A Docker reference, SIF file, unpacked image or registered name. Required.",
        **OF_COMMANDS,
        "inputs": _INPUTS,
        "input files": _INPUT_FILES,
        "environment": "Environment variables in the container.",
        "gpus": "The number of GPUs of the job; 0 by default.",
        "runtime": "What runs the container; by default the first that works.",
        "plugins": "A registry of images: names, and what they stand for.",
        "files": _FILES,
        "processes": _PROCESSES,
        "scheduler": _SCHEDULER,
        "seed": _SEED,
        "contract": "The contract that the image follows, if any: spt.",
        **OF_SPT,
    },
    "function": {
        "function": "module:name; not needed if the pipeline is a registered name.",
        "inputs": "Files, folders, patterns, URLs, or assets of other analyses.",
        "settings": "The settings of the function.",
        "defaults": "Whether 'settings' are merged over the function's defaults; true by default.",
        "outputs": "Names for outputs: a pattern of files each.",
        "python": "The Python that runs the job; that of asimov by default.",
        "environment": _ENVIRONMENT,
        "files": _FILES,
        "seed": _SEED,
    },
    "phases": {
        "phases": "The phases in their order: a class each, and the parameters of its constructor.",
        "script": "Instead of 'phases': a script with a Pipeline at the top of its module.",
        "traces": "The folder with the data of the runs.",
        "runs": "Which runs of the data, such as 1-20, 25; by default all.",
        "skip runs": "Which of these to leave out.",
        "shards": "The number of jobs that share the runs.",
        "files": _FILES,
        "seed": "A whole number of at least 0.",
    },
}
#: Names that every pipeline reads, or that may mean something else to people.
_GENERAL = {"scheduler", "template", "defaults", *OF_SPT, "plugins", "runs", "script"}
#: The pipelines that read each of the other names.
READERS = {
    name: tuple(each for each in SETTINGS if name in SETTINGS[each])
    for names in SETTINGS.values()
    for name in names
    if name not in _GENERAL
}
