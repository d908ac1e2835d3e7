"""Ask an analysis's pipeline for its own HTML and result pages, and contain its errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.plugins.methods import call_method, overrides
from asimov.project.workspace import Workspace
from asimov.report.safe_html import safe_fragment, safe_links
from asimov.states import STATES


@dataclass(slots=True)
class Contribution:
    """What a pipeline adds to a report.

    Attributes
    ----------
    html
        A fragment of HTML with every element closed.
    pages
        Labels and addresses of result pages.
    faults
        Error messages of the pipeline, one line each.
    """

    html: str = ""
    pages: list[tuple[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def has_own(workspace: Workspace, key: Key) -> bool:
    """Return whether the pipeline of an analysis may have something to show; it is not asked.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.
    """
    if not _has_begun(workspace, key):
        return False
    pipeline = workspace.contents.entries[key].pipeline
    try:
        return any(overrides(pipeline, each, workspace) for each in ("html", "result_pages"))
    except AsimovError:
        return False


def _has_begun(workspace: Workspace, key: Key) -> bool:
    if key not in workspace.contents.entries:
        return False  # its ledger file is unreadable
    record = workspace.records.get(key)
    return bool(record and record.uid) or STATES[workspace.status(key)].done


def contribution(workspace: Workspace, key: Key, root: Path) -> Contribution:
    """Return what the pipeline of an analysis adds to a report.

    The pipeline is created only if it overrides `html` or `result_pages` and the analysis has
    started. Changes that these methods make to the settings are discarded.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.
    root
        The report's folder.
    """
    found = Contribution()
    if not _has_begun(workspace, key):
        return found
    pipeline = workspace.contents.entries[key].pipeline

    def ask(method: str, take: Callable[[Any], None]) -> None:
        try:
            if overrides(pipeline, method, workspace):
                take(call_method(workspace.analysis(key), method, keep=False))
        except AsimovError as error:
            if str(error) not in found.faults:
                found.faults.append(str(error))

    def take_html(html: Any) -> None:
        if html is None:
            return
        if not isinstance(html, str):
            raise AsimovError(f"{pipeline}.html returned {type(html).__name__}, not text")
        found.html = safe_fragment(html)

    def take_pages(pages: Any) -> None:
        found.pages = safe_links(pages, root)

    ask("html", take_html)
    ask("result_pages", take_pages)
    return found
