"""The file ``ro-crate-metadata.json``: a crate's contents, for any tool that reads RO-Crates.

Sources: "RO-Crate Metadata Specification 1.1", "Workflow RO-Crate 1.0", and the profiles "Process
Run Crate 0.5" and "Workflow Run Crate 0.5". The workflow is the blueprint; the attempt is an action
that carried it out, and the attempts that made its inputs are actions of their pipelines. A file
that is not in the crate is described with its checksum, as a creative work and no file.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from asimov._version import __version__
from asimov.engine.provenance.crates.contents import (
    BLUEPRINT,
    FILE,
    METADATA,
    README,
    Contents,
    Packed,
)
from asimov.engine.provenance.export.runs import Run
from asimov.system import clock

_CRATE = "https://w3id.org/ro/crate/1.1"
#: The profiles that a crate conforms to, with their names.
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
#: Terms that the context of RO-Crate 1.1 has not.
_TERMS = {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}
_HOME = "https://pypi.org/project/"
_UNSTATED = "#licence-not-stated"
_DONE = {True: "CompletedActionStatus", False: "FailedActionStatus"}

Entity = dict[str, Any]


def metadata(
    run: Run,
    upstream: Iterable[Run],
    contents: Contents,
    sums: Mapping[str, str],
    license: str | None,
) -> Entity:
    """Return the metadata of a crate as JSON-LD.

    Parameters
    ----------
    run
        The attempt.
    upstream
        The attempts that made its inputs.
    contents
        The crate's files.
    sums
        The SHA-256 of the crate's own texts, by name.
    license
        The URL of the licence of its files; None if none was stated.
    """
    graph = _Graph(contents, sums)
    actions = [graph.action(run, {"@id": BLUEPRINT}, contents.files)]
    actions += [graph.made_before(each) for each in upstream]
    graph.workflow(run)
    graph.root(run, actions, license)
    return {
        "@context": [f"{_CRATE}/context", _TERMS],
        "@graph": [_compact(each) for each in graph.entities.values()],
    }


class _Graph:
    """The entities of a crate, by identifier."""

    def __init__(self, contents: Contents, sums: Mapping[str, str]) -> None:
        self._contents = contents
        self._sums = sums
        self.entities: dict[str, Entity] = {}
        self._parts: list[Entity] = []

    def add(self, entity: Entity) -> Entity:
        """Add an entity; return a reference to it."""
        given = {name: value for name, value in entity.items() if value not in (None, "", [])}
        self.entities.setdefault(entity["@id"], given)
        return {"@id": entity["@id"]}

    def file(self, packed: Packed) -> Entity:
        """Add a file, in the crate or not; return a reference to it."""
        shared = {
            "name": packed.path,
            "sha256": packed.sha256,
            "contentSize": None if packed.size is None else str(packed.size),
            "description": self._description(packed),
        }
        if not packed.place:
            name = quote("/".join([packed.role, packed.of, packed.path]), safe="")
            return self.add({"@id": f"#{name}", "@type": "CreativeWork", **shared})
        kind = mimetypes.guess_type(packed.place)[0] or "application/octet-stream"
        entity = {"@id": _id(packed.place), "@type": "File", "encodingFormat": kind, **shared}
        return self.part(entity)

    def part(self, entity: Entity) -> Entity:
        """Add a file of the crate itself."""
        reference = self.add(entity)
        if reference not in self._parts:
            self._parts.append(reference)
        return reference

    def _description(self, packed: Packed) -> str:
        of = f" of {packed.of}" if packed.of else f" of {self._contents.name}"
        why = f"; not in the crate: {packed.why}" if packed.why else ""
        note = f"; {packed.note}" if packed.note else ""
        return f"{packed.role}{of}{why}{note}"

    def action(self, run: Run, instrument: Entity, files: Iterable[Packed]) -> Entity:
        """Add an attempt as an action; return a reference to it."""
        record, end = run.record, run.end
        used, made = [], []
        for each in files:
            reference = self.file(each)
            if each.role == "product":
                made.append(reference)
            elif each.role not in {"log", "record"}:
                used.append(reference)
        failed = end.exit_code not in (None, 0)
        done = None if end.ended is None else f"http://schema.org/{_DONE[not failed]}"
        return self.add(
            {
                "@id": f"urn:asimov:attempt:{quote(record.uid, safe='')}",
                "@type": "CreateAction",
                "name": f"Run of {run.name}",
                "description": f"Attempt {record.number} of the analysis {record.analysis} with "
                f"the pipeline {record.pipeline}, on the scheduler {record.scheduler}",
                "instrument": instrument,
                "agent": self._person(record.requester),
                "startTime": _time(record.requested),
                "endTime": _time(end.ended),
                "actionStatus": done,
                "error": f"exit code {end.exit_code}" if failed else None,
                "object": used,
                "result": made,
            }
        )

    def made_before(self, run: Run) -> Entity:
        """Add an attempt that made an input; return a reference to it."""
        reference = self.action(run, self._pipeline(run), [])
        made = [
            self.file(each)
            for each in self._contents.files
            if each.of == run.record.analysis and each.role == "input"
        ]
        used = [
            self.file(Packed(each.role, each.path, sha256=each.sha256, size=each.size, why="it is "
            "further upstream", of=each.of or run.record.analysis))
            for each in run.record.files
        ]  # fmt: skip
        entity = self.entities[reference["@id"]]
        entity.update(
            {key: value for key, value in {"object": used, "result": made}.items() if value}
        )
        return reference

    def workflow(self, run: Run) -> None:
        """Add the blueprint, the language it is written in, and its parameters."""
        language = {
            "@id": "#asimov-blueprint",
            "@type": "ComputerLanguage",
            "name": "asimov blueprint",
            "url": {"@id": f"{_HOME}asimov/"},
            "version": __version__,
        }
        asimov = self._software("asimov", run.record.asimov)
        entity = {
            "@id": BLUEPRINT,
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
            "name": f"Blueprint of {run.record.analysis}",
            "description": "The analysis with the settings that it ran with; "
            "'asimov init --from CRATE' makes a project of it",
            "programmingLanguage": self.add(language),
            "encodingFormat": "application/yaml",
            "url": {"@id": f"{_HOME}asimov/"},
            "version": str(run.record.number),
            "sha256": self._sums[BLUEPRINT],
            "softwareRequirements": [asimov, self._pipeline(run)],
            "conformsTo": {
                "@id": "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
            },
            "input": self._parameters("input"),
            "output": self._parameters("product"),
        }
        self.part(entity)

    def _parameters(self, role: str) -> list[Entity]:
        found = []
        for number, each in enumerate(self._contents.files):
            if each.role == role and each.place:
                entity = self.entities[_id(each.place)]
                parameter = {
                    "@id": f"#{role}-{number}",
                    "@type": "FormalParameter",
                    "name": each.path,
                    "additionalType": "File",
                    "workExample": {"@id": entity["@id"]},
                    "conformsTo": {
                        "@id": "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
                    },
                }
                entity["exampleOfWork"] = {"@id": parameter["@id"]}
                found.append(self.add(parameter))
        return found

    def root(self, run: Run, actions: list[Entity], license: str | None) -> None:
        """Add the crate itself, the metadata file, and what they refer to."""
        for name, kind, what in (
            (README, "text/markdown", "What this crate is, for people"),
            (FILE, "application/json", "What asimov reads of this crate"),
        ):
            about = {"@id": "./"} if name == README else None
            entity = {"@id": name, "@type": "File", "name": name, "description": what}
            sha256 = self._sums[name]
            self.part({**entity, "encodingFormat": kind, "sha256": sha256, "about": about})
        profiles = [
            self.add({"@id": each, "@type": "CreativeWork", "name": name, "version": version})
            for each, (name, version) in PROFILES.items()
        ]
        stated = license or _UNSTATED
        name = stated if license else "No licence was stated"
        what = "The licence of the files in this crate" if license else (
            "Whoever made this crate did not state a licence: ask before you publish its files"
        )  # fmt: skip
        self.add({"@id": stated, "@type": "CreativeWork", "name": name, "description": what})
        self.add(
            {
                "@id": METADATA,
                "@type": "CreativeWork",
                "about": {"@id": "./"},
                "conformsTo": [
                    {"@id": _CRATE},
                    {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"},
                ],
            }
        )
        self.add(
            {
                "@id": "./",
                "@type": "Dataset",
                "name": f"{run.name} of the asimov project {self._contents.project}",
                "description": f"What made {run.name}, and what it made",
                "datePublished": clock.iso(),
                "license": {"@id": stated},
                "author": self._person(run.record.requester),
                "conformsTo": profiles,
                "mainEntity": {"@id": BLUEPRINT},
                "mentions": actions,
                "hasPart": self._parts,
            }
        )

    def _person(self, name: str) -> Entity:
        return self.add({"@id": f"#person-{quote(name, safe='')}", "@type": "Person", "name": name})

    def _pipeline(self, run: Run) -> Entity:
        package, _, version = run.record.package.partition("==")
        return self._software(package or run.record.pipeline, version or "unknown")

    def _software(self, name: str, version: str) -> Entity:
        home = f"{_HOME}{quote(name, safe='')}/"
        return self.add(
            {
                "@id": f"{home}{quote(version, safe='')}/",
                "@type": "SoftwareApplication",
                "name": name,
                "softwareVersion": version,
                "url": {"@id": home},
            }
        )


def _compact(entity: Entity) -> Entity:
    """Return an entity in the form that the specification recommends: no lists of one."""
    return {
        name: value[0] if isinstance(value, list) and len(value) == 1 else value
        for name, value in entity.items()
    }


def _time(text: str | None) -> str | None:
    """Return a time with the offset that the profile's pattern asks for."""
    return text and text.replace("Z", "+00:00")


def _id(place: str) -> str:
    """Return the identifier of a file: its path in the crate, as a relative URI."""
    return quote(place, safe="/")
