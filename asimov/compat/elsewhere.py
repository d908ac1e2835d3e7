"""Names that published packages import from the core's modules, and which are found elsewhere.

The core itself uses none of them. They are looked up when somebody asks for one, so that a module
of the core that has them imports nothing for them. Which packages need a name is said where it
is defined.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from asimov import entrypoints

#: By module and name where each is found: ``module:name``, or ``pipeline NAME`` for the class that
#: the package of a pipeline publishes under that name.
NAMES = {
    "asimov.pipeline": {
        "PESummaryPipeline": "asimov.pesummary:PESummaryPipeline",
        "PostPipeline": "asimov.pesummary:PostPipeline",
    },
    "asimov.pipelines": {
        "Bilby": "pipeline bilby",
    },
    "asimov.scheduler": {
        "HTCondor": "asimov.scheduler.htcondor:HTCondor",
        "LocalProcessScheduler": "asimov.scheduler.local:LocalScheduler",
        "Slurm": "asimov.slurm:Slurm",
    },
}

#: Methods of a subject's repository that find one file of a category, by their names, with the
#: pattern of that file (asimov-bayeswave, asimov-lalinference and RIFT ask for them).
FILES = {
    "find_timefile": "*gps*.txt",
    "find_coincfile": "*coinc*.xml",
}


def names_of(module: str) -> Callable[[str], Any]:
    """Return a module's ``__getattr__``, which finds the names that `NAMES` has for it.

    A name that a package is needed for, which is not installed or can't be loaded, raises
    `ImportError` with the reason.
    """
    known = NAMES[module]

    def find(name: str) -> Any:
        place = known.get(name)
        if place is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        if place.startswith("pipeline "):
            try:
                return entrypoints.load(entrypoints.PIPELINES, place.removeprefix("pipeline "))
            except entrypoints.PluginError as error:
                hint = f" ({error.hint})" if error.hint else ""
                raise ImportError(f"{module}.{name}: {error}{hint}") from error
        where, _, attribute = place.partition(":")
        return getattr(importlib.import_module(where), attribute)

    return find
