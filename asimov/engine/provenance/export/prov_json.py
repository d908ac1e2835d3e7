"""Attempts as W3C PROV-JSON: files, settings and environments; attempts; people and programs.

Source: "The PROV-JSON Serialization", W3C Member Submission of 24 April 2013, and "PROV-DM: The
PROV Data Model", W3C Recommendation of 30 April 2013. Identifiers are qualified names that follow
from what they name, so that two documents speak of the same file: a product is named by its attempt
and its checksum, any other file by its path and its checksum, settings and environments by theirs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import msgspec

from asimov.engine.provenance.export.runs import Product, Reused, Run, identity, identity_of_product
from asimov.engine.provenance.record import UsedFile, with_text_keys

#: The namespaces of the identifiers.
PREFIXES = {
    "asimov": "urn:asimov:terms:",
    "attempt": "urn:asimov:attempt:",
    "product": "urn:asimov:product:",
    "file": "urn:asimov:file:",
    "content": "urn:asimov:content:",
    "agent": "urn:asimov:agent:",
}
#: An attempt with more pairs of product and input is written without ``wasDerivedFrom``, which then
#: follows from ``wasGeneratedBy`` and ``used``.
_MOST_PAIRS = 10_000


def prov_json(runs: Iterable[Run]) -> dict[str, Any]:
    """Return attempts as a PROV-JSON document."""
    document = _Document()
    for run in runs:
        document.add(run)
    return {"prefix": PREFIXES, **{kind: each for kind, each in document.parts.items() if each}}


class _Document:
    """The document that is being made."""

    def __init__(self) -> None:
        kinds = ("entity", "activity", "agent")
        self.parts: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in kinds}

    def add(self, run: Run) -> None:
        """Add an attempt."""
        record, end = run.record, run.end
        activity = f"attempt:{_quoted(record.uid)}"
        self.parts["activity"][activity] = _given(
            {
                "prov:startTime": record.requested,
                "prov:endTime": end.ended,
                "prov:type": _name("asimov:Attempt"),
                "prov:label": run.name,
                "asimov:exitCode": end.exit_code,
                "asimov:evidence": end.evidence,
                "asimov:job": end.job,
                "asimov:scheduler": record.scheduler,
                "asimov:host": record.host,
                "asimov:pipeline": record.pipeline,
                "asimov:ledger": record.ledger,
                "asimov:ledgerChange": record.ledger_change or None,
                "asimov:seed": record.seed,
                "asimov:crate": run.crate,
                "asimov:reused": run.reused.made_by if run.reused else None,
                "asimov:command": [
                    f"{each.executable} {each.arguments}".strip() for each in record.commands
                ],
            }
        )
        self._agents(activity, run)
        used = self._used(activity, run)
        self._made(activity, run, used)
        if run.reused is not None:
            self._taken_over(activity, run, run.reused)

    def _agents(self, activity: str, run: Run) -> None:
        record = run.record
        person = self._agent(record.requester, "prov:Person")
        asimov = self._agent(f"asimov=={record.asimov}", "prov:SoftwareAgent")
        self._relate("wasAssociatedWith", activity=activity, agent=person, role="requester")
        self._relate("wasAssociatedWith", activity=activity, agent=asimov, role="orchestrator")
        self._relate("actedOnBehalfOf", delegate=asimov, responsible=person, activity=activity)
        if record.package:
            package = self._agent(record.package, "prov:SoftwareAgent")
            self._relate("wasAssociatedWith", activity=activity, agent=package, role="pipeline")

    def _used(self, activity: str, run: Run) -> list[str]:
        """Add what an attempt used; return its inputs."""
        record, inputs = run.record, []
        for file in record.files:
            entity = self._file(file)
            self._relate("used", activity=activity, entity=entity, role=file.role)
            if file.role == "input":
                inputs.append(entity)
            if file.attempt:
                before = f"attempt:{_quoted(file.attempt)}"
                self.parts["activity"].setdefault(
                    before, {"prov:label": run.makers.get(file.attempt, file.of)}
                )
                self._relate("wasInformedBy", informed=activity, informant=before)
                self._relate("wasGeneratedBy", activity=before, entity=entity)
        settings = self._described("Settings", run.settings, "the settings")
        self._relate("used", activity=activity, entity=settings, role="settings")
        for prefix, packages in run.software.items():
            environment = self._described("Environment", packages, prefix)
            self.parts["entity"][environment]["asimov:package"] = packages
            self._relate("used", activity=activity, entity=environment, role="environment")
        if record.image and not any(each.role == "image" for each in record.files):
            image = f"file:{_quoted(record.image)}"
            self.parts["entity"][image] = {
                "prov:type": _name("asimov:Image"),
                "prov:label": record.image,
            }
            if record.image_digest:
                self.parts["entity"][image]["asimov:digest"] = record.image_digest
            self._relate("used", activity=activity, entity=image, role="image")
        for file in record.files:
            if file.role == "configuration":
                configuration = self._file(file)
                self._relate("wasDerivedFrom", generatedEntity=configuration, usedEntity=settings)
        return list(dict.fromkeys(inputs))

    def _made(self, activity: str, run: Run, inputs: list[str]) -> None:
        products = [each for each in run.products or [] if each.sha256]
        pairs = len(products) * len(inputs)
        for product in products:
            entity = self._product(run, product)
            self._relate("wasGeneratedBy", activity=activity, entity=entity, time=run.end.ended)
            for source in inputs if pairs <= _MOST_PAIRS else ():
                self._relate(
                    "wasDerivedFrom",
                    activity=activity,
                    generatedEntity=entity,
                    usedEntity=source,
                )

    def _taken_over(self, activity: str, run: Run, reused: Reused) -> None:
        """Add that an attempt ran nothing, and that its products are those of another one."""
        before = f"attempt:{_quoted(reused.attempt)}"
        self.parts["activity"].setdefault(before, {"prov:label": reused.made_by})
        self._relate("wasInformedBy", informed=activity, informant=before)
        for product in run.products or []:
            if product.sha256:
                named = ("product", reused.attempt, product.sha256)
                path = f"{reused.made_by.rpartition('@')[0]}/{product.path}"
                source = self._entity(named, path, product.sha256, product.size, {})
                self._relate("wasGeneratedBy", activity=before, entity=source)
                self._relate("used", activity=activity, entity=source, role="reused")
                self._relate(
                    "wasDerivedFrom",
                    activity=activity,
                    generatedEntity=self._product(run, product),
                    usedEntity=source,
                )

    # --- elements

    def _file(self, file: UsedFile) -> str:
        more = {"asimov:unknown": file.unknown, "asimov:commit": file.commit}
        return self._entity(identity(file), file.path, file.sha256, file.size, more)

    def _product(self, run: Run, product: Product) -> str:
        path = f"{run.record.analysis}/{product.path}"
        return self._entity(
            identity_of_product(run, product), path, product.sha256, product.size, {}
        )

    def _entity(
        self,
        named: tuple[str, ...],
        path: str,
        sha256: str | None,
        size: int | None,
        more: dict[str, Any],
    ) -> str:
        """Add a file; a product may have several locations: run directory and store."""
        kind, *parts = named
        name = f"{kind}:{'/'.join(map(_quoted, parts))}"
        known = self.parts["entity"].setdefault(
            name, {"prov:type": _name("asimov:File"), "prov:label": path, "prov:location": []}
        )
        known.update(_given({"asimov:sha256": sha256, "asimov:size": size, **more}))
        if path not in known["prov:location"]:
            known["prov:location"].append(path)
        return name

    def _described(self, kind: str, value: Any, label: str) -> str:
        """Add settings or an environment, named by its content."""
        text = msgspec.json.encode(with_text_keys(value), order="sorted")
        entity = f"content:{hashlib.sha256(text).hexdigest()}"
        self.parts["entity"][entity] = {
            "prov:type": _name(f"asimov:{kind}"),
            "prov:label": label,
            "prov:value": text.decode(),
        }
        return entity

    def _agent(self, name: str, kind: str) -> str:
        agent = f"agent:{_quoted(name)}"
        self.parts["agent"][agent] = {"prov:type": _name(kind), "prov:label": name}
        return agent

    def _relate(self, relation: str, role: str = "", **ends: str | None) -> None:
        """Add a relation; one that is there already gets what is new."""
        fixed = {f"prov:{name}": each for name, each in ends.items() if each}
        what = sorted((name, each) for name, each in fixed.items() if name != "prov:time")
        name = hashlib.sha256(repr((relation, what, role)).encode()).hexdigest()[:16]
        value = self.parts.setdefault(relation, {}).setdefault(f"_:{name}", {})
        value.update(fixed)
        if role:
            value["prov:role"] = _name(f"asimov:{role}")


def _name(name: str) -> dict[str, str]:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", [])}


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")
