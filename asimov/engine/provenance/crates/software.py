"""How the software of this machine differs from that of a run elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator

from asimov._version import __version__
from asimov.discovery import entrypoints
from asimov.engine.provenance.export.runs import Run
from asimov.engine.provenance.software import environment
from asimov.project.storage.copying import known_checksum
from asimov.text import counted, listed


def differences(run: Run) -> Iterator[str]:
    """Yield a line for each program, package and environment that is another one here."""
    record = run.record
    if record.asimov != __version__:
        yield f"asimov is {__version__} here, and was {record.asimov}"
    point = entrypoints.find(entrypoints.PIPELINES, record.pipeline)
    dist = getattr(point, "dist", None)
    here = f"{dist.name}=={dist.version}" if dist is not None else "not from a package"
    if record.package and here != record.package:
        yield f"the pipeline {record.pipeline} is {here} here, and was {record.package}"
    programs = [each for each in record.files if each.role == "executable"]
    for each in programs:
        if each.path.startswith("/"):
            if not os.path.exists(each.path):
                yield f"the program {each.path} is not here"
            elif each.sha256 and known_checksum(each.path) != each.sha256:
                yield f"the program {each.path} is a different one here"
    for prefix, packages in run.software.items():
        found = environment(prefix)
        if found is None:
            yield f"the environment {prefix} with {counted(len(packages), 'package')} is not here"
            continue
        differing = sorted(set(packages) - set(found.packages))
        if differing:
            yield (f"the environment {prefix} is different here: it lacks {listed(differing)}")
    if record.image:
        yield f"it ran in the container image {record.image} {record.image_digest}".rstrip()
