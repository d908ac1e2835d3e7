"""Turn what pages show into HTML, by the templates in ``templates/report``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asimov._version import __version__
from asimov.engine.attention.in_short import why
from asimov.journal.keys import Key
from asimov.ledger.reviews import STATUSES
from asimov.report.links import Links
from asimov.states import STATES
from asimov.system import clock
from asimov.text import amount, block, joined

if TYPE_CHECKING:
    import jinja2

#: The templates, and what they include.
FOLDER = Path(str(files("asimov.templates"))) / "report"
#: The start of every page. Only files that contain it are ever removed.
MARK = '<meta name="generator" content="asimov'
#: The colours of states, by what they ask of people.
_KINDS = {
    "running": "active",
    "processing": "active",
    "submitted": "active",
    "idle": "active",
    "finished": "done",
    "uploaded": "done",
    "stuck": "bad",
    "lost": "bad",
    "held": "bad",
    "unknown": "held",
    "stop": "held",
    "restart": "held",
    "wait": "held",
    "manual": "held",
    "review": "ask",
    "asking": "ask",
    "stopped": "off",
    "cancelled": "off",
}


def page(template: str, links: Links, project: str, **shown: Any) -> str:
    """Return a page.

    Parameters
    ----------
    template
        Its template.
    links
        Where the other pages are.
    project
        The project's name.
    shown
        What the template shows.
    """
    about = {
        "links": links,
        "project": project,
        "now": clock.iso(),
        "version": __version__,
        "mark": MARK,
    }
    return block(_environment().get_template(template).render({**about, **shown}))


def kind_of(state: str) -> str:
    """Return what a state asks of people, which is the name of its colour."""
    return _KINDS.get(state, "plain")


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(FOLDER)),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # to look whether a template has changed costs a twentieth of a report
    )
    environment.globals.update(
        kind_of=kind_of,
        why=why,
        meaning=lambda state: STATES[state].meaning if state in STATES else "",
        verdicts=STATUSES,
    )
    environment.filters["key"] = lambda names: Key(*names)
    environment.filters["when"] = _when
    environment.filters["iso"] = clock.iso
    environment.filters["joined"] = lambda parts: joined(*parts)
    environment.filters["age"] = clock.age
    environment.filters["amount"] = amount
    return environment


def _when(time_of: str | None) -> str:
    """Return an ISO 8601 time in a readable form, to the minute."""
    return (time_of or "").replace("T", " ")[:16]
