"""What an attempt runs with: in the journal, the run directory and the results store."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from pathlib import Path
from typing import Any

from asimov.engine.provenance.record import Provenance, last_run, settings_of
from asimov.journal.keys import Key
from asimov.journal.provenance import ProvenanceRecords

FILE = "asimov-provenance.json"
SHELL = "pipeline: command, executable: /bin/sh"
FIRST = (
    f"first, {SHELL}, outputs: {{y: y}}, "
    'arguments: [-c, "cat {{ project_root }}/data/in.txt > y"]'
)
SECOND = (
    f"second, {SHELL}, needs: [first], gain: 2, outputs: {{z: z}}, seed: 5, "
    "input files: [scripts/unnamed.txt], "
    'arguments: [scripts/run.sh, "{{ assets.y }}", "--into={{ project_root }}/data", a=b]'
)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def ran(lab: Any, name: str) -> Provenance:
    with closing(lab.open().journal) as journal:
        found = last_run(journal, Key("s", name))
    assert found is not None
    return found[1]


def of_role(found: Provenance, role: str) -> dict[str, Any]:
    return {each.path: each for each in found.files if each.role == role}


def prepared(lab: Any) -> None:
    (lab.root / "data").mkdir()
    (lab.root / "data" / "in.txt").write_text("in\n")
    (lab.root / "scripts").mkdir()
    (lab.root / "scripts" / "run.sh").write_text('cp "$1" z\n')
    (lab.root / "scripts" / "unnamed.txt").write_text("no argument names it\n")
    lab.apply(FIRST, SECOND)
    lab.finish()


def test_settings_files_commands_software_and_people_are_recorded(lab: Any) -> None:
    prepared(lab)
    found = ran(lab, "second")
    (attempt,) = lab.attempts("second")
    assert (found.uid, found.number, found.analysis) == (attempt.uid, 1, "s/second")
    assert found.requester and found.host and found.scheduler == "local"
    assert (found.pipeline, found.package.partition("==")[0]) == ("command", "asimov")
    assert found.seed == 5
    with closing(lab.open().journal) as journal:
        settings = settings_of(ProvenanceRecords(journal), found)
    assert (settings["gain"], settings["executable"]) == (2, "/bin/sh")
    (command,) = found.commands
    assert (command.file, command.executable) == ("job.sub", "/bin/sh")
    assert command.words()[-1] == "a=b"
    (config,) = of_role(found, "configuration").values()
    assert config.sha256 == sha256(lab.config("second"))
    assert len(config.commit) == 40
    (program,) = of_role(found, "executable").values()
    assert program.sha256 == sha256(Path("/bin/sh"))
    inputs = of_role(found, "input")
    assert inputs["scripts/run.sh"].sha256 == sha256(lab.root / "scripts" / "run.sh")
    product = inputs["working/s/first/y"]
    assert product.sha256 == sha256(lab.rundir("first") / "y")
    assert (product.of, product.attempt) == ("s/first", lab.attempts("first")[0].uid)
    listing = f"{sha256(lab.root / 'data' / 'in.txt')}  in.txt\n"
    assert inputs["data"].sha256 == hashlib.sha256(listing.encode()).hexdigest()
    own = {"scripts/run.sh", "scripts/unnamed.txt"}
    assert set(inputs) == {*own, "working/s/first/y", "data"}
    assert set(of_role(ran(lab, "first"), "input")) == {"data/in.txt"}


def test_a_stored_result_answers_on_its_own(lab: Any) -> None:
    prepared(lab)
    stored = lab.root / "results" / "s" / "second"
    told = json.loads((stored / FILE).read_text())
    assert told["analysis"] == "s/second"
    assert told["end"]["exit_code"] == 0 and told["end"]["ended"]
    assert told["layers"][-1]["settings"]["gain"] == 2
    manifest = json.loads((stored / "manifest.json").read_text())
    assert manifest[FILE]["sha256"] == sha256(stored / FILE)
    assert (lab.rundir("second") / FILE).read_bytes() == (stored / FILE).read_bytes()


def test_parts_that_attempts_share_are_kept_once(lab: Any) -> None:
    lab.apply(*(f"a{number}, note: one" for number in range(10)))
    lab.finish()
    with closing(lab.open().journal) as journal:
        ((records,),) = journal.rows("SELECT count(*) FROM provenance")
        ((parts,),) = journal.rows("SELECT count(*) FROM parts")
    assert records == 10
    assert parts < 10


def test_what_cannot_be_gathered_stops_no_submission(
    lab: Any, simple: type[Any], monkeypatch: Any
) -> None:
    class Odd(simple):  # type: ignore[misc]
        def image_of_jobs(self) -> str:
            raise RuntimeError("no image")

    lab.register("odd", Odd)
    lab.apply("a, pipeline: odd")
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
    with closing(lab.open().journal) as journal:
        assert last_run(journal, Key("s", "a")) is None
    assert "not recorded" in (lab.root / "logs" / "asimov.log").read_text()


def test_an_attempt_that_the_monitor_made_has_a_record_too(lab: Any) -> None:
    lab.apply("a, exit code: 3, max resurrections: 1")
    lab.finish(code=3)
    first, second = lab.attempts("a")
    with closing(lab.open().journal) as journal:
        records = ProvenanceRecords(journal)
        assert records.of(first.uid) and records.of(second.uid)
    assert ran(lab, "a").number == 2
