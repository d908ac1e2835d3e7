"""Choose the runtime of a container: the configured one, otherwise the first that works here."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import lru_cache

from asimov.pipelines.container.images import KINDS, Image
from asimov.pipelines.container.runtimes import RUNTIMES, Runtime

from asimov.errors import AsimovError
from asimov.text import did_you_mean, quoted

#: How long a runtime may take to say that it works, in seconds.
_PATIENCE = 20


def named(name: str) -> Runtime:
    """Return the runtime with a name.

    Raises
    ------
    AsimovError
        If there is none.
    """
    if name not in RUNTIMES:
        raise AsimovError(
            f"there is no runtime {quoted(name)}{did_you_mean(name, RUNTIMES)}",
            hint=f"it is one of {', '.join(RUNTIMES)}",
        )
    return RUNTIMES[name]


def chosen(
    image: Image, wanted: str | None, in_pool: Callable[[], bool] = lambda: False
) -> Runtime:
    """Return the runtime for an image.

    Parameters
    ----------
    image
        The image.
    wanted
        The configured runtime, or None for the first that works here.
    in_pool
        Returns whether HTCondor's execute nodes run containers.

    Raises
    ------
    AsimovError
        If the configured one can't run the image, or none that can is here.
    """
    if wanted is not None:
        runtime = named(wanted)
        if image.kind not in runtime.kinds:
            able = [each.name for each in RUNTIMES.values() if image.kind in each.kinds]
            raise AsimovError(
                f"{wanted} can't run {KINDS[image.kind]} ({image})",
                hint=f"set 'runtime' to one of {', '.join(able)}",
            )
        return runtime
    able_here = [each for each in RUNTIMES.values() if image.kind in each.kinds]
    for runtime in able_here:
        if (runtime.program and works(runtime)) or (not runtime.program and in_pool()):
            return runtime
    programs = ", ".join(each.program for each in able_here if each.program)
    raise AsimovError(
        f"no runtime here runs {KINDS[image.kind]} ({image})",
        hint=f"install one of {programs}, or set 'runtime: htcondor'",
    )


def works(runtime: Runtime) -> bool:
    """Return whether a runtime's program is on ``PATH`` and can start containers."""
    path = shutil.which(runtime.program)
    return path is not None and _succeeds((path, *runtime.probe), tuple(runtime.needs().items()))


@lru_cache(maxsize=64)
def _succeeds(words: tuple[str, ...], variables: tuple[tuple[str, str], ...]) -> bool:
    try:
        done = subprocess.run(
            words,
            env={**os.environ, **dict(variables)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
