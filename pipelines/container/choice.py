"""Choose the runtime of a container: the configured one, otherwise the first that works here."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from functools import lru_cache

from asimov.pipelines.container.images import KINDS, Image
from asimov.pipelines.container.runtimes import RUNTIMES, Runtime

from asimov.errors import AsimovError
from asimov.text import did_you_mean, line, of_bytes, quoted, short

#: How long a runtime may take to say that it works, in seconds.
_PATIENCE = 20
#: What to install for a kind of image, where nothing is there.
_EASIEST = {"docker": "apptainer or podman", "sif": "apptainer", "root": "bubblewrap"}


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
            hint=f"use one of: {', '.join(RUNTIMES)}",
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
    reasons = []
    for runtime in able_here:
        if runtime.program:
            why = fault_here(runtime)
        else:
            why = "" if in_pool() else "no execute node of the scheduler runs containers"
        if not why:
            return runtime
        reasons.append(f"{runtime.name}: {why}")
    raise AsimovError(
        f"no runtime on this machine can run {KINDS[image.kind]} ({image}): {'; '.join(reasons)}",
        hint=f"install {_EASIEST[image.kind]}, or set 'runtime' to one that the execute nodes have",
    )


def fault_here(runtime: Runtime) -> str:
    """Return why a runtime's program can't start containers here; empty if it can."""
    path = shutil.which(runtime.program)
    if path is None:
        return f"{runtime.program} is not on PATH"
    # What it says is known for a minute: hundreds of analyses ask, and a daemon may be started.
    now = int(time.monotonic() // 60)
    fault = _fault((path, *runtime.probe), tuple(runtime.needs().items()), now)
    typed = " ".join((runtime.program, *runtime.probe))
    return f"{quoted(typed)} {fault}" if fault else ""


@lru_cache(maxsize=64)
def _fault(words: tuple[str, ...], variables: tuple[tuple[str, str], ...], minute: int) -> str:
    try:
        done = subprocess.run(
            words,
            env={**os.environ, **dict(variables)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except OSError as error:
        return f"can't be started: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"takes over {_PATIENCE} s"
    lines = of_bytes(done.stderr).strip().splitlines() or [f"exit code {done.returncode}"]
    return f"fails: {short(line(lines[-1]))}" if done.returncode else ""
