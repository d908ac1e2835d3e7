"""The record of an attempt as a file in its run directory."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

from asimov.engine.provenance.files import recover
from asimov.engine.provenance.record import last_run, settings_of
from asimov.journal.keys import Key
from asimov.journal.provenance import ProvenanceRecords

FILE = "asimov-provenance.json"


def test_a_record_that_was_not_written_comes_from_the_run_directory(lab: Any) -> None:
    lab.apply("a, gain: {deep: 2}")
    lab.run("manage", "build", "submit")
    (attempt,) = lab.attempts("a")
    with closing(lab.open().journal) as journal:
        before = last_run(journal, Key("s", "a"))
        journal.write("DELETE FROM provenance")
        journal.write("DELETE FROM parts")
        records = ProvenanceRecords(journal)
        assert not recover(records, "another", lab.rundir("a"))
        assert recover(records, attempt.uid, lab.rundir("a"))
        assert last_run(journal, Key("s", "a")) == before
        assert before and settings_of(records, before[1])["gain"] == {"deep": 2}


def test_a_file_of_something_else_is_no_record(lab: Any) -> None:
    lab.apply("a")
    lab.run("manage", "build", "submit")
    (attempt,) = lab.attempts("a")
    whole = (lab.rundir("a") / FILE).read_text()
    with closing(lab.open().journal) as journal:
        journal.write("DELETE FROM provenance")
        for text in ("", whole[:200], "[]", "{}", json.dumps({"uid": attempt.uid})):
            (lab.rundir("a") / FILE).write_text(text)
            assert not recover(ProvenanceRecords(journal), attempt.uid, lab.rundir("a"))


def test_a_product_of_the_same_name_is_kept(lab: Any) -> None:
    script = "echo mine > asimov-provenance.json"
    lab.apply(
        f"a, pipeline: command, executable: sh, arguments: [-c, {script!r}], outputs: {{x: {FILE}}}"
    )
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
    assert (lab.root / "results" / "s" / "a" / FILE).read_text() == "mine\n"


def test_half_a_record_is_completed_and_not_taken_for_a_product(lab: Any, simple: Any) -> None:
    halves = {
        "none": "",
        "some": '{\n  "for',
        "most": '{\n  "format": 1,\n  "uid": "',
        "zeros": "\0" * 99,
    }

    class Halves(simple):  # type: ignore[misc]
        def detect_completion(self) -> bool:
            (lab.rundir(self.production.name) / FILE).write_text(halves[self.production.name])
            return bool(super().detect_completion())

    lab.register("halves", Halves)
    lab.apply(*(f"{name}, pipeline: halves" for name in halves))
    lab.finish()
    for name in halves:
        told = json.loads((lab.root / "results" / "s" / name / FILE).read_text())
        assert (told["analysis"], told["end"]["exit_code"]) == (f"s/{name}", 0)
