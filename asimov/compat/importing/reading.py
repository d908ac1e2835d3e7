"""Read a project of asimov 0.5 to 0.8 into this version's terms."""

from __future__ import annotations

import os
from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path
from typing import Any

from asimov.compat.importing import documents, ledger_files, options, results, states
from asimov.compat.importing.derived import without_derived
from asimov.compat.importing.ledger_files import OldLedger
from asimov.compat.importing.settings import effective, without_frozen
from asimov.engine.importing.incoming import Arrival, Incoming
from asimov.errors import AsimovError
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.ledger.checks import check_name
from asimov.ledger.contents import Contents, Entry
from asimov.ledger.documents import Mistake
from asimov.ledger.fields_of_science import complete
from asimov.text import counted, listed, quoted

#: What an export has in ``asimov: exported by``: its settings are meant as they are here.
EXPORTED = "exported by"


def read(path: Path) -> Incoming:
    """Read a project of the published program, or a ledger file of its layout.

    Raises
    ------
    AsimovError
        If it can't be read.
    """
    old = ledger_files.read(path)
    made = old.top.get("asimov") or {}
    version = f" {made['version']}" if "version" in made else ""
    incoming = Incoming(path, f"asimov{version}")
    _Reading(old, incoming, exported=EXPORTED in made).run()
    return incoming


class _Reading:
    """One project on its way: what was read, and what is made of it."""

    def __init__(self, old: OldLedger, incoming: Incoming, *, exported: bool) -> None:
        self.old = old
        self.incoming = incoming
        self.exported = exported
        self.config: ConfigParser = old.config
        self.root = old.root or old.source.parent
        self.scheduler = self.config.get("scheduler", "type", fallback="htcondor").lower()
        self.stored: set[Key] = set()

    def run(self) -> None:
        incoming, old = self.incoming, self.old
        self._refuse_names()
        if old.root is not None:
            incoming.products = results.products(old.root, self.config)
            self.stored = {product.key for product in incoming.products}
            incoming.options = options.kept(self.config, incoming)
        for key, what in documents.OF_LEDGER.items():
            if old.top.get(key) and what:
                incoming.remark("not understood", key, what)
        incoming.project = documents.project(old.top)
        for each in old.subjects:
            self._subject(each)
        for analysis in old.project_analyses:
            self._analysis(PROJECT_ANALYSES, None, analysis)
        known = incoming.arrivals
        for stray in sorted({product.key for product in incoming.products} - known.keys()):
            incoming.remark(
                "not understood",
                stray,
                "the results store has files of it, but no analysis; they are left behind",
            )
        incoming.products = [each for each in incoming.products if each.key in known]

    def _refuse_names(self) -> None:
        """Refuse all names at once that can't be names here: files and needs there have them."""
        named = [("the subject", each.get("name")) for each in self.old.subjects]
        for subject, analyses in self.old.analyses.items():
            of = f"the analysis of {quoted(subject, 60)}"
            named += [(of, each.get("name")) for each in analyses]
        named += [("the project analysis", each.get("name")) for each in self.old.project_analyses]
        wrong = []
        for what, name in named:
            try:
                check_name(str(name))
            except Mistake:
                wrong.append(f"{what} {quoted(str(name), 60)}")
        if wrong:
            raise AsimovError(
                f"asimov does not allow {counted(len(wrong), 'name')} in this project: "
                + listed(wrong, 10),
                where=self.old.source,
                hint="names may contain letters, digits and _.+=,@~- only; copy the project, "
                "rename them in the copy (in this file, its 'needs', and the folder and manifest "
                "of the results store), and import the copy",
            )

    def _subject(self, old: Mapping[str, Any]) -> None:
        incoming = self.incoming
        as_written = document = documents.subject(old)
        name = document["name"]
        if name in incoming.subjects:
            raise AsimovError(f"there are two subjects {name!r}", where=self.old.source)
        if not self.exported:
            document, frozen = without_frozen(document, self.old.top)
            for path in frozen:
                incoming.remark(
                    "frozen",
                    name,
                    f"{': '.join(map(str, path))} is the project's default, and "
                    "comes from there again",
                )
        incoming.subjects[name] = document
        analyses = self.old.analyses.get(name, [])
        made = [self._analysis(name, document, each, as_written) for each in analyses]
        if made:
            document["analyses"] = made
        self._repository(name, old.get("repository"))

    def _repository(self, name: str, repository: Any) -> None:
        if not repository:
            return
        text = str(repository)
        if "://" in text or text.startswith("git@"):
            self.incoming.subjects[name]["repository"] = text
            return
        path = Path(os.path.normpath(self.root / text))
        if (path / ".git").exists():
            self.incoming.repositories[name] = path
        elif any(each.rundir for key, each in self.incoming.arrivals.items() if key[0] == name):
            self.incoming.remark(
                "check", name, f"its repository {text} does not exist; the project's own is used"
            )

    def _analysis(
        self,
        subject: str,
        document_of_subject: dict[str, Any] | None,
        old: Mapping[str, Any],
        as_written: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        incoming = self.incoming
        if not old.get("name") or not old.get("pipeline"):
            raise AsimovError(
                f"an analysis of {subject!r} has no name or no pipeline", where=self.old.source
            )
        document, facts = documents.analysis(old)
        key = Key(subject, document["name"])
        if key in incoming.arrivals:
            raise AsimovError(f"there are two analyses {key}", where=self.old.source)
        there = None
        if not self.exported:
            self._drop_frozen(document)
            document, derived = without_derived(
                document,
                lambda each: complete(effective(self.old.top, as_written, each)),
                lambda each: self._here(key, document_of_subject, each),
            )
            for what, value in derived.items():
                incoming.remark(
                    "derived", key, f"{what} = {value}: {incoming.program} had derived it"
                )
            there = complete(effective(self.old.top, as_written, documents.analysis(old)[0]))
            self._check_lowest(key, document)
        for setting, detail in documents.UNREAD.items():
            if setting in document:
                incoming.remark("not understood", f"{key}: {setting}", detail)
        incoming.arrivals[key] = self._arrival(key, old, facts, there)
        if subject == PROJECT_ANALYSES:
            incoming.project_analyses[document["name"]] = document
        return document

    def _drop_frozen(self, document: dict[str, Any]) -> None:
        """Remove the project's post-processing, which 0.8 copies into each analysis."""
        default = self.old.top.get("postprocessing")
        if default is not None and document.get("postprocessing") == default:
            del document["postprocessing"]

    def _check_lowest(self, key: Key, document: Mapping[str, Any]) -> None:
        """Point out a frequency that 0.5 and 0.6 derive for BayesWave, and nothing does here."""
        lowest = (document.get("quality") or {}).get("lowest minimum frequency")
        if lowest is not None:
            self.incoming.remark(
                "check",
                key,
                f"quality: lowest minimum frequency = {lowest}: {self.incoming.program} derives it "
                "from the minimum frequencies; here it is a setting, and does not follow them",
            )

    def _here(
        self, key: Key, subject: dict[str, Any] | None, document: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return the effective settings here of an analysis with some document."""
        contents = Contents(project=self.incoming.project)
        if subject is not None:
            contents.subjects[key[0]] = subject
        return complete(contents.given(Entry(key, document, ""), {}))

    def _arrival(
        self, key: Key, old: Mapping[str, Any], facts: dict[str, Any], there: dict[str, Any] | None
    ) -> Arrival:
        before = str(old.get("status") or "ready")
        became = states.mapped(before, stored=key in self.stored, program=self.incoming.program)
        if became.remark:
            self.incoming.remark("check", key, became.remark)
        elif became.status != before.lower():
            self.incoming.remark("renamed", key, f"its state {before!r} is {became.status!r} here")
        rundir = self._rundir(facts)
        arrival = Arrival(
            became.status, f"was {before!r} in {self.incoming.program}", facts,
            rundir=rundir, settings=there,
        )  # fmt: skip
        if became.status in states.WITH_JOB:
            number = documents.job(old)
            if self.scheduler == "htcondor" or self.exported:
                arrival.job = number
            else:
                arrival.reason += f"; its job was one of {self.scheduler!r}, not of HTCondor"
        return arrival

    def _rundir(self, facts: dict[str, Any]) -> Path | None:
        """Return the run directory if there is something in it, and keep it as a fact then."""
        written = facts.pop("rundir", None)
        if not written:
            return None
        path = Path(os.path.normpath(self.root / str(written)))
        try:
            if not any(path.iterdir()):
                return None
        except OSError:
            return None
        facts["rundir"] = str(path)
        return path
