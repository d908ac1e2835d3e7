"""The templates of many analyses, each looked for and read once."""

from __future__ import annotations

import time
from typing import NamedTuple

from asimov.project.analysis import Analysis
from asimov.project.config_file import template_of
from asimov.system import reading

#: How long a template is taken for unchanged, in seconds.
_SOON = 1.0


class Template(NamedTuple):
    """The name of a template's file, and its content."""

    name: str
    content: bytes


class Templates:
    """The templates of the analyses that one command builds or submits."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], tuple[float, Template]] = {}

    def of(self, analysis: Analysis) -> Template:
        """Return the template of an analysis.

        Raises
        ------
        AsimovError
            As `asimov.project.config_file.template_of` does, or if it can't be read.
        """
        pipeline = analysis.pipeline
        # What `template_of` goes by, apart from the project.
        named = getattr(pipeline, "config_template", None), analysis.meta.get("template")
        wanted = type(pipeline), analysis.entry.pipeline, repr(named)
        now = time.monotonic()
        since, known = self._known.get(wanted, (0.0, None))
        if known is None or now - since > _SOON:
            path = template_of(analysis)
            known = Template(path.name, reading.contents(path))
            self._known[wanted] = now, known
        return known
