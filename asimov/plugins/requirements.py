"""Check an analysis against the settings, inputs and outputs that its pipeline declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from asimov.discovery import entrypoints
from asimov.errors import AsimovError, ReportedError
from asimov.journal.keys import Key
from asimov.ledger import reserved
from asimov.ledger.declared_settings import place_of, with_look
from asimov.pipeline.assets import Asset, inputs_of, outputs_of, paths_of
from asimov.pipeline.schemas import faults_of_files
from asimov.plugins.flow import flow_of
from asimov.plugins.methods import call_method, guarded, imported, overridden
from asimov.project.analysis import Analysis
from asimov.project.workspace import Workspace, workspace_of
from asimov.settings import Fault, faults, lookup, made
from asimov.text import did_you_mean, joined


def check_settings(analysis: Analysis) -> None:
    """Refuse settings that asimov can't use, the pipeline does not declare or finds faulty.

    Raises
    ------
    AsimovError
        With the first fault and its place in the ledger.
    """
    if wrong := reserved.fault(analysis.meta):
        raise _refused(analysis, None, Fault(tuple(map(str, wrong[1])), wrong[0]))
    pipeline = analysis.entry.pipeline
    declares = lookup.settings_of(pipeline) or lookup.of_class(type(analysis.pipeline))
    if declares is not None:
        _check_declared(analysis, declares)
    kind = type(analysis.pipeline)
    if not overridden(kind, "settings_faults"):
        return
    with guarded(analysis, "settings_faults", passing=AsimovError):
        found = faults_found(kind, analysis.meta, analysis.workspace.project.root)
    for fault in found:
        if not fault.likely:
            raise _refused(analysis, declares, fault)


def faults_found(kind: Any, settings: Mapping[str, Any], root: Path) -> list[Fault]:
    """Return the faults that a pipeline's class finds in settings; it may raise anything."""
    return [Fault(*each) for each in kind.settings_faults(settings, root)]


def _check_declared(analysis: Analysis, declares: type) -> None:
    if wrong := faults(declares, analysis.meta):
        refused = _refused(analysis, declares, wrong[0])
        refused.hint = with_look(wrong[0], analysis.entry.pipeline)
        raise refused
    if hasattr(declares, "__post_init__"):  # its own code
        with guarded(analysis, "settings", passing=AsimovError):
            made(declares, analysis.meta)


def _refused(analysis: Analysis, declares: type | None, fault: Fault) -> AsimovError:
    place = place_of(analysis.workspace.layers(analysis.key)[0], declares, fault)
    return AsimovError(str(fault), where=place, hint=fault.hint)


def check_inputs(analysis: Analysis) -> None:
    """Refuse an analysis that lacks an asset its pipeline declares as an input.

    Raises
    ------
    AsimovError
        With the asset's name, and the analyses that were searched.
    """
    kind = type(analysis.pipeline)
    if not inputs_of(kind) and not overridden(kind, "inputs_with"):
        return
    with guarded(analysis, "inputs", passing=AsimovError):
        missing = missing_inputs(analysis)
        if not missing:
            return
        asked = analysis.workspace.dependencies.inputs(analysis.key)
        has = [_has(analysis, key) for key in asked]  # this calls their pipelines again
        near = did_you_mean(missing[0], _available(analysis))
    of = f"asked: {', '.join(has)}" if has else "it uses no other analysis"
    names = " and ".join(map(repr, missing))
    many = len(missing) > 1
    raise AsimovError(
        joined(f"the input{'s' * many} {names} {'are' if many else 'is'} missing{near}", of),
        hint=f"'asimov why {analysis.key}' shows what would make it",
    )


def check_schemas(analysis: Analysis) -> None:
    """Refuse an analysis if what an input declares does not match what feeds it.

    Raises
    ------
    AsimovError
        With the first that does not fit, and both sides.
    """
    if found := flow_of(workspace_of(analysis)).unfitting(analysis.key):
        raise AsimovError(found[0])


def faults_of_outputs(analysis: Analysis) -> list[str]:
    """Return what is wrong with the declared outputs of an analysis that has been made.

    Raises
    ------
    MethodError
        If a check raises.
    """
    declared = [each for each in _outputs(analysis) if each.schema is not None]
    if not declared:
        return []
    assets = call_method(analysis, "collect_assets")
    with guarded(analysis, "outputs"):
        there = assets if isinstance(assets, Mapping) else {}
        return [
            fault
            for each in declared
            if each.schema is not None
            for fault in faults_of_files(
                each.schema, paths_of(there.get(each.name)), Path(analysis.rundir)
            )
        ]


def _outputs(analysis: Analysis) -> tuple[Asset, ...]:
    kind = imported(analysis.entry.pipeline)
    if not overridden(kind, "outputs_with"):
        return outputs_of(kind)
    with guarded(analysis, "outputs_with"):
        return outputs_of(kind, analysis.meta)


def missing_inputs(analysis: Analysis) -> list[str]:
    """Return the inputs of an analysis that none of the analyses it uses has."""
    kind = type(analysis.pipeline)
    settings = analysis.meta if overridden(kind, "inputs_with") else None
    wanted = [each for each in inputs_of(kind, settings) if not each.optional]
    if not wanted:
        return []
    there = [(each, each.assets) for each in analysis.inputs]
    return [
        each.name
        for each in wanted
        if all(
            _empty(assets.get(each.name))
            for maker, assets in there
            if each.of in {None, maker.name, str(maker.key)}
        )
    ]


class Assets:
    """What an analysis has made, as its pipeline lists it; asked for once, when it is needed.

    Parameters
    ----------
    analysis
        The analysis; nothing runs or is stored while this is used.
    """

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    @cached_property
    def found(self) -> Any:
        """What ``collect_assets`` returns, which should be a mapping.

        Raises
        ------
        MethodError
            If it raises.
        """
        return call_method(self._analysis, "collect_assets")

    @property
    def are_plain(self) -> bool:
        """Whether they are text by text, so that looking at them runs none of a package's code."""
        found = self.found
        return type(found) is dict and all(
            type(key) is str and type(value) is str for key, value in found.items()
        )


def missing_outputs(analysis: Analysis, assets: Assets) -> list[str]:
    """Return the outputs that a pipeline declares and has not made."""
    wanted = [each.name for each in _outputs(analysis) if not each.optional]
    if not wanted:
        return []
    if assets.are_plain:
        return [name for name in wanted if not assets.found.get(name)]
    with guarded(analysis, "collect_assets"):
        there = assets.found if isinstance(assets.found, Mapping) else {}
        return [name for name in wanted if _empty(there.get(name))]


def makers(workspace: Workspace, names: Iterable[str]) -> dict[str, list[str]]:
    """Import all installed pipelines, and return those that declare some assets as outputs.

    Parameters
    ----------
    workspace
        The open project.
    names
        The assets.

    Returns
    -------
    dict
        The pipelines' names by asset, without assets that none declares.
    """
    found: dict[str, list[str]] = {}
    for pipeline in entrypoints.found(entrypoints.PIPELINES):
        try:
            made_by = {each.name for each in outputs_of(imported(pipeline, workspace))}
        except ReportedError:
            continue  # it can't be loaded, so it makes nothing
        for name in names:
            if name in made_by:
                found.setdefault(name, []).append(pipeline)
    return found


def _empty(asset: Any) -> bool:
    return asset is None or (isinstance(asset, (str, list, tuple, dict)) and not asset)


def _has(analysis: Analysis, key: Key) -> str:
    name = key[1] if key[0] == analysis.key[0] else str(key)
    assets = [str(each) for each in workspace_of(analysis).analysis(key).assets]
    return f"{name}, which has {' and '.join(assets[:5]) or 'none'}"


def _available(analysis: Analysis) -> list[str]:
    return [str(each) for each in analysis._previous_assets()]
