"""Vocabularies of packages, read for a command: their code is contained as every plugin's is."""

from __future__ import annotations

from collections.abc import Callable

from asimov import entrypoints
from asimov.plugins import vocabulary
from asimov.plugins.containment import contained, late, limit_of
from asimov.plugins.crashes import Call
from asimov.plugins.methods import by_person
from asimov.plugins.output import Capture
from asimov.project.workspace import Workspace

_capture = Capture()


def vocabulary_terms(
    workspace: Workspace, pipeline: str, warn: Callable[[str], None]
) -> tuple[str, ...]:
    """Return the names of settings in a pipeline's vocabulary; none where there is no sound one.

    Parameters
    ----------
    workspace
        The open project.
    pipeline
        The pipeline's name.
    warn
        Takes a line where a vocabulary can't be used.
    """
    if entrypoints.find(entrypoints.VOCABULARY, pipeline) is None:
        return ()
    limit = limit_of(workspace)
    what = Call("", "", f"vocabulary {pipeline}", "import")
    _capture.start()
    why: BaseException | str | None = None
    found: tuple[str, ...] = ()
    try:
        with contained(workspace, what, limit):
            found = vocabulary.terms(pipeline)
        why = late(what, limit)
    except BaseException as error:
        if by_person(error, limit):
            raise
        why = late(what, limit) or error
    finally:
        _capture.stop()
    if why is not None:
        warn(f"warning: the vocabulary of {pipeline!r} is not used: {why}")
    return found
