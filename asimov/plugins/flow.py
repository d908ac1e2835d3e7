"""Which assets analyses declare that they need and make, and whether those fit together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from asimov.discovery.entrypoints import PluginError
from asimov.journal.keys import Key
from asimov.ledger.contents import Contents
from asimov.ledger.dependencies import Dependencies
from asimov.ledger.needs import parse
from asimov.logs import logger
from asimov.pipeline.assets import Asset, inputs_of, outputs_of
from asimov.pipeline.schemas import mismatch
from asimov.plugins.methods import imported, overridden
from asimov.project.workspace import Workspace
from asimov.text import did_you_mean


class Feed(NamedTuple):
    """A declared input, and an analysis that makes it.

    Attributes
    ----------
    wanted
        The input.
    maker
        The analysis that it comes from.
    made
        What that analysis declares to make; None where it declares nothing of that name, and may
        make it all the same.
    """

    wanted: Asset
    maker: Key
    made: Asset | None

    def __str__(self) -> str:
        schema = (self.made and self.made.schema) or self.wanted.schema
        return f"{self.wanted.name} of {self.maker}" + (f" ({schema})" if schema else "")


class Flow:
    """What the analyses of a ledger need of each other.

    Parameters
    ----------
    contents, graph
        The ledger, and the dependencies between its analyses.
    class_of
        Returns a pipeline's class, or None if it is not available.
    facts
        What pipelines wrote, as of `Contents.layers`.
    """

    def __init__(
        self,
        contents: Contents,
        graph: Dependencies,
        class_of: Callable[[str], Any],
        facts: Mapping[Key, Mapping[str, Any]],
    ) -> None:
        self._contents = contents
        self._graph = graph
        self._class_of = cache(class_of)
        self._facts = facts
        self._known: dict[tuple[Key, str], tuple[Asset, ...]] = {}

    def inputs(self, key: Key) -> tuple[Asset, ...]:
        """Return what an analysis declares to need."""
        return self._declared(key, "inputs", inputs_of)

    def outputs(self, key: Key) -> tuple[Asset, ...]:
        """Return what an analysis declares to make."""
        return self._declared(key, "outputs", outputs_of)

    def feeds(self, key: Key) -> list[Feed]:
        """Return where each declared input of an analysis comes from, as far as that is known."""
        found = []
        for wanted in self.inputs(key):
            feeds = [
                Feed(wanted, maker, made)
                for maker in self._asked(key, wanted)
                for made in [self._made(maker, wanted.name)]
                if made is not None or (wanted.of is not None and self._may_make(maker))
            ]
            found += feeds if wanted.every else feeds[-1:]
        return found

    def unfitting(self, key: Key) -> list[str]:
        """Return why declared inputs of an analysis do not fit what feeds them, a line each."""
        return [
            f"its input {feed.wanted.name!r} does not match what {feed.maker} makes: {why}"
            for feed in self.feeds(key)
            if feed.made is not None
            if (why := mismatch(feed.made.schema, feed.wanted.schema))
        ]

    def unprovided(self, key: Key) -> list[str]:
        """Return the inputs of an analysis that none of the analyses it uses declares to make.

        An input for which that can't be known yet is none of them.
        """
        if self._graph.of(key).unmatched:
            return []
        found = []
        for wanted in self.inputs(key):
            asked = self._asked(key, wanted)
            if wanted.optional or (wanted.of is not None and not asked):
                continue
            if not any(self._may_make(each) or self._made(each, wanted.name) for each in asked):
                found.append(wanted.name)
        return list(dict.fromkeys(found))

    def strangers(self, key: Key) -> list[tuple[str, bool]]:
        """Return why inputs can't come from the analyses that they name, each with a finality.

        It is final if the analysis is not among the needs, and all of them are plain names.
        """
        return [
            self._stranger(key, wanted.name, wanted.of)
            for wanted in self.inputs(key)
            if wanted.of is not None and not self._asked(key, wanted)
        ]

    def _stranger(self, key: Key, name: str, of: str) -> tuple[str, bool]:
        entry = self._contents.entries[key]
        field = "needs" if entry.kind == "simple" else "analyses"
        terms = [need.terms for need in parse(entry.data.get(field))]
        names = [each[0].value for each in terms if len(each) == 1 and _is_name(each[0])]
        why = f"its input {name!r} should come from {of!r}, which is not among its {field}"
        if {of, of.removeprefix(f"{key[0]}/")} & set(names):
            return f"its input {name!r} should come from {of!r}, which does not exist yet", False
        return why + did_you_mean(of, names), len(names) == len(terms)

    def _asked(self, key: Key, wanted: Asset) -> list[Key]:
        """Return the analyses that an input may come from."""
        makers = self._graph.inputs(key)
        return [each for each in makers if wanted.of in {None, each[1], str(each)}]

    def _made(self, maker: Key, name: str) -> Asset | None:
        return next((each for each in self.outputs(maker) if each.name == name), None)

    def _may_make(self, maker: Key) -> bool:
        """Return whether an analysis may make more than it declares."""
        kind = self._class_of(self._contents.entries[maker].pipeline)
        return not self.outputs(maker) or bool(getattr(kind, "makes_more", False))

    def _declared(
        self, key: Key, what: str, read: Callable[..., tuple[Asset, ...]]
    ) -> tuple[Asset, ...]:
        if (key, what) not in self._known:
            entry = self._contents.entries[key]
            kind = self._class_of(entry.pipeline)
            declared = read(kind)
            if overridden(kind, f"{what}_with"):
                try:
                    declared = read(kind, self._contents.given(entry, self._facts))
                except Exception:  # a build calls it again, and reports this
                    logger().warning("%s: its %s are unknown", key, what, exc_info=True)
            self._known[key, what] = declared
        return self._known[key, what]


def flow_of(workspace: Workspace, *, all_installed: bool = True) -> Flow:
    """Return what flows between the analyses of an open project; this imports their pipelines.

    Parameters
    ----------
    workspace
        The open project.
    all_installed
        Whether a pipeline that can't be loaded is an error; otherwise it declares nothing.
    """

    def class_of(pipeline: str) -> Any:
        try:
            return imported(pipeline, workspace)
        except PluginError:
            if all_installed:
                raise
            return None

    return Flow(workspace.contents, workspace.dependencies, class_of, workspace.facts)


def _is_name(term: Any) -> bool:
    return term.path == "name" and not term.negated
