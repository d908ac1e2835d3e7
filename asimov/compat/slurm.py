"""The class `Slurm`, which packages compare with: ``isinstance(pipeline.scheduler, Slurm)``.

Packages import `Slurm` from `asimov.scheduler` to know which commands they may use. asimov itself
has no such scheduler; one that a package publishes under the name ``slurm`` counts as one.
"""

from __future__ import annotations

from asimov.errors import SchedulerError
from asimov.scheduler import Scheduler


class _Named(type):
    """Treats every scheduler named ``slurm`` as an instance."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Scheduler) and instance.name == "slurm"


class Slurm(metaclass=_Named):
    """A scheduler of the name ``slurm``; asimov makes none itself."""

    def __init__(self, *_arguments: object, **_options: object) -> None:
        raise SchedulerError(
            "asimov has no scheduler for Slurm",
            hint="set scheduler/type to htcondor or local, or to a scheduler that a package adds",
        )
