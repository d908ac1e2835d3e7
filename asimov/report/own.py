"""What the pipeline of an analysis adds to a report, whatever else it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asimov.errors import AsimovError
from asimov.keys import Key
from asimov.logs import logger
from asimov.plugins.methods import call_method, overrides
from asimov.plugins.output import Capture
from asimov.project.workspace import Workspace
from asimov.report.fragments import closed, links
from asimov.states import STATES
from asimov.system.files import JournalError

_capture = Capture()


@dataclass(slots=True)
class Own:
    """What a pipeline adds.

    Attributes
    ----------
    html
        A fragment of HTML, every element of it closed.
    pages
        Labels and addresses of pages about the results.
    faults
        What went wrong instead, a line each.
    """

    html: str = ""
    pages: list[tuple[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def own(workspace: Workspace, key: Key, root: Path) -> Own:
    """Ask the pipeline of an analysis for what it adds to a report.

    A pipeline that does not override `html` and `result_pages`, or whose analysis has not started,
    is not made for it. What a method writes to the settings is not kept.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.
    root
        The report's folder.
    """
    found = Own()
    if key not in workspace.contents.entries:
        return found  # its ledger file can't be read
    record = workspace.records.get(key)
    if not (record and record.uid) and not STATES[workspace.status(key)].done:
        return found
    pipeline = workspace.contents.entries[key].pipeline

    def ask(method: str, take: Callable[[Any], None]) -> None:
        try:
            if overrides(pipeline, method, workspace):
                take(call_method(workspace.analysis(key), method, keep=False))
        except JournalError:
            raise
        except AsimovError as error:
            if str(error) not in found.faults:
                found.faults.append(str(error))

    def take_html(html: Any) -> None:
        if html is None:
            return
        if not isinstance(html, str):
            raise AsimovError(f"{pipeline}.html returned {type(html).__name__}, not text")
        found.html = closed(html)

    def take_pages(pages: Any) -> None:
        found.pages = links(pages, root)

    ask("html", take_html)
    ask("result_pages", take_pages)
    return found


@contextmanager
def silent() -> Iterator[None]:
    """Have what pipelines print in the block go to the log."""
    _capture.start()
    try:
        yield
    finally:
        if printed := _capture.stop():
            logger().info("printed while the report was made:\n%s", printed)
