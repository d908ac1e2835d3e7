"""Products of other analyses that are lost, or not in the run directory as they were stored."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from asimov import text
from asimov.errors import AsimovError, Place, ReportedError
from asimov.journal.keys import Key
from asimov.pipeline.assets import outputs_of, paths_of
from asimov.plugins.methods import guarded, imported, overridden
from asimov.project.analysis import Analysis
from asimov.project.storage.assets import is_gone
from asimov.project.workspace import Workspace, workspace_of
from asimov.states import STATES


class Lost(NamedTuple):
    """A product that should be there, as its analysis is complete.

    Attributes
    ----------
    name
        The asset, or "the products" where no name is known.
    path
        Where it should be, if that is known.
    key, state
        The analysis that owns it, and its state.
    """

    name: str
    path: str
    key: Key
    state: str

    def error(self, where: Place | Path | str | None = None, said: str = "") -> AsimovError:
        """Return the error to raise: where it is wanted, and what else is to be said of it."""
        verb = "are" if self.name.endswith("s") else "is"
        message = (
            f"{text.line(self.name)} of {self.key} {verb} not there: neither in its run directory "
            f"nor in the results; {self.key} is {self.state}"
        )
        return AsimovError(
            text.joined(message, said) if said else message,
            where=where,
            hint=f"rerun it with 'asimov rerun {self.key}'",
        )


def lost_inputs(analysis: Analysis) -> list[Lost]:
    """Return what is lost of the products of the analyses that an analysis uses."""
    found: list[Lost] = []
    for each in analysis.inputs:
        with suppress(ReportedError):
            found += lost(workspace_of(analysis), each.key)
    return found


def lost(workspace: Workspace, key: Key) -> list[Lost]:
    """Return what is lost of the products of a complete analysis.

    These are assets that its pipeline names or declares; if nothing is known of them, and the run
    directory and the stored results are gone, all of its products are lost.
    """
    state = workspace.status(key)
    if not STATES[state].done:
        return []
    analysis = workspace.analysis(key)
    try:
        with guarded(analysis, "collect_assets"):
            assets = analysis.assets
    except ReportedError:
        assets = {}
    found = [
        Lost(str(name), str(path), key, state)
        for name, value in assets.items()
        for path in paths_of(value)
        if not os.path.lexists(os.path.join(analysis.rundir, path))
    ]
    found += [Lost(each, "", key, state) for each in _declared(analysis) if each not in assets]
    if not found and not assets and is_gone(analysis.rundir):
        found.append(Lost("the products", "", key, state))
    return found


def _declared(analysis: Analysis) -> Iterator[str]:
    with suppress(ReportedError), guarded(analysis, "outputs"):
        kind = imported(analysis.entry.pipeline)
        settings = analysis.meta if overridden(kind, "outputs_with") else None
        yield from (each.name for each in outputs_of(kind, settings) if not each.optional)


def blamed(found: list[Lost], error: AsimovError) -> AsimovError:
    """Return the error that names the lost product at the root of another error, or that error."""
    said = str(error.message)
    for each in found:
        if any(f"{mark}{each.name}{mark}" in said for mark in "'\"`"):
            # What was said is only that a template lacks it.
            return each.error(where=error.where)
    # Without products, a package's method that looks for them may raise anything.
    whole = [each for each in found if each.name == "the products"]
    return whole[0].error(error.where, said) if whole else error


def used(analysis: Analysis, configuration: str) -> Lost | None:
    """Return the first product of another analysis that a configuration names and that is lost."""
    for each in analysis.inputs:
        for name, value in each.assets.items():
            for path in map(str, paths_of(value)):
                if path in configuration and not os.path.lexists(os.path.join(each.rundir, path)):
                    state = workspace_of(each).status(each.key)
                    return Lost(str(name), path, each.key, state)
    return None


def changed(analysis: Analysis, configuration: str) -> AsimovError | None:
    """Return the error for a configuration that names what was changed after it was stored.

    The assets of an analysis are what was stored. A template or a package that makes a path in the
    run directory by itself gets what is there.
    """
    for each in analysis.inputs:
        replaced = each.stored_products.changed() if each.replaced_products else {}
        for path, stored in replaced.items():
            if re.search(re.escape(path) + r"(?!/?[\w.-])", configuration):
                return AsimovError(
                    f"{text.line(path)} has changed since it was stored as a product of {each.key}",
                    hint=f"to use what was stored, name the asset in {analysis.key}'s template "
                    f"instead of this path, or copy {text.line(stored)} there",
                )
    return None


def products_of(analysis: Analysis) -> dict[str, object]:
    """Return the products of an analysis for people to read, and what is said of lost ones."""
    found: dict[str, object] = {}
    with suppress(ReportedError), guarded(analysis, "collect_assets"):
        found = {str(name): value for name, value in analysis.assets.items()}
    for each in lost(workspace_of(analysis), analysis.key):
        found[each.name] = "not there: neither in its run directory nor in the results"
    return found
