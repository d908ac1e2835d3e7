"""A pipeline with a fault is found out, for every contract; one without passes them all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from asimov.discovery import entrypoints
from asimov.testing import entry_points
from asimov.testing.conformance.contracts import CONTRACTS, EVERYWHERE, SCENES
from asimov.testing.conformance.runner import check
from asimov.testing.conformance.scene_process import run
from asimov.testing.conformance.scene_task import Task
from tests.searching import first

HERE = Path(__file__).parent

#: By contract: what has a fault, in which scene it shows if that is not the contract's own, and
#: the other contracts that it breaks by the same fault.
FAULTS = {
    "loads": ["loading:NoPipeline", "loading:Missing"],
    "import-writes-nothing": ["writes:Faulty"],
    "import-prints-nothing": ["prints:Faulty"],
    "import-is-quick": ["slow:Faulty"],
    "name": ["loading:OtherName"],
    "settings-known": ["loading:Undeclared"],
    "renders": ["configuration:NeedsMore"],
    "renders-again": ["configuration:NeverTheSame"],
    "rundir-untouched": ["configuration:MakesRunDirectory"],
    "asked-early": ["configuration:AskedTooEarly"],
    "settings-enforced": ["loading:Undeclared"],
    "dry-runs": ["life:DryRunWrites", "life:DryRunSubmits"],
    "builds-again": ["life:PilesUp", "life:DoublesNodes"],
    "incomplete-before": ["life:AlwaysComplete"],
    "job-number": ["life:Silent", "life:DoesNotSubmit"],
    "tagged": ["life:Untagged"],
    "one-job": ["life:TwoJobs"],
    "running": ["life:NoProgress"],
    "complete-after": ["life:NeverComplete"],
    "completion-repeats": ["life:NotesThatItWasAsked", "life:CompleteOnce"],
    "assets-exist": ["life:NamesTooMuch", "life:NamesNothing"],
    "outputs-made": ["life:MakesLess"],
    "logs-found": ["life:NoLogs"],
    "results-stored": ["life:StoresNothing", "life:GetsStuck"],
    "ejects": ["restart:KeepsItsJob"],
    "cleans": ["restart:KeepsItsFiles", "restart:KeepsItsDagOnly"],
    "restarts": ["restart:OnceOnly"],
    "resurrects-bounded": ["failure:TwoAtOnce", "failure:RaisesItsLimit"],
    "folder-kept": ["life:GoesAway"],
    "any-folder": ["life:LooksAroundItself", "life:RelativeAssets"],
    "ledger-untouched": ["configuration:WritesLedger"],
    "returns": ["life:Exits", "life:Hangs"],
}

#: What else the same fault breaks.
ALSO = {
    "life:DoublesNodes": {"job-number"},
    "life:CompleteOnce": {"any-folder", "results-stored"},
    "life:MakesLess": {"results-stored"},
    "life:NamesNothing": {"results-stored"},
    "life:Exits": {"running"},
    "life:Hangs": {"running"},
}


@pytest.fixture
def _on_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(HERE)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "faulty"]:
        del sys.modules[name]


def test_every_contract_has_a_pipeline_that_breaks_it() -> None:
    assert list(FAULTS) == list(CONTRACTS)


@pytest.mark.usefixtures("_on_path")
@pytest.mark.parametrize(
    ("contract", "value"),
    [
        case
        for name, values in FAULTS.items()
        for case in first(1, [(name, each) for each in values])
    ],
)
def test_a_fault_is_found(contract: str, value: str, tmp_path: Path) -> None:
    scene = CONTRACTS[contract].scene
    if scene == EVERYWHERE:
        scene = value.partition(":")[0]
    task = Task(
        scene=scene,
        pipeline="faulty",
        folder=str(tmp_path / "scene"),
        findings=str(tmp_path / "findings"),
        patience=20,
        call=2 if value == "life:Hangs" else 60,
        loading=0.3 if value == "slow:Faulty" else 20,
    )
    with entry_points({entrypoints.PIPELINES: {"faulty": f"faulty.{value}"}}):
        made = run(task).made
    broken = {name for name, each in made.items() if each.holds is False}
    assert broken == {contract} | ALSO.get(value, set()), made
    assert made[contract].seen


@pytest.mark.usefixtures("_on_path")
def test_a_good_pipeline_keeps_every_contract(tmp_path: Path) -> None:
    added = {
        entrypoints.PIPELINES: {"good": "faulty.good:Good"},
        entrypoints.SETTINGS: {"good": "faulty.declared:GoodSettings"},
    }
    with entry_points(added):
        for scene in SCENES:
            task = Task(
                scene=scene,
                pipeline="good",
                folder=str(tmp_path / scene),
                findings=str(tmp_path / f"{scene}.jsonl"),
            )
            made = run(task).made
            assert {each.holds for each in made.values()} == {True}, made


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Install, for other processes too, a package whose pipelines are those with faults."""
    info = tmp_path / "faulty-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    values = {
        "dies": "life:Dies",
        "sticks": "life:Sticks",
        "missing": "life:Missing",
        "good": "good:Good",
    }
    lines = [f"{name} = faulty.{value}\n" for name, value in values.items()]
    settings = "[asimov.settings]\ngood = faulty.declared:GoodSettings\n"
    (info / "entry_points.txt").write_text("[asimov.pipelines]\n" + "".join(lines) + settings)
    path = [str(HERE), str(tmp_path), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))
    return "faulty"


@pytest.mark.usefixtures("faulty")
def test_a_pipeline_that_ends_the_process_is_told_with_its_method() -> None:
    found = {each.contract: each for each in check("dies", patience=20)}
    assert found["returns"].holds is False
    assert "ended with exit code 7 during dies.build_dag" in found["returns"].seen
    assert found["loads"].holds
    assert found["renders"].holds
    assert found["one-job"].holds is None
    assert "dies.build_dag" in found["one-job"].seen


@pytest.mark.usefixtures("faulty")
def test_of_a_pipeline_that_can_not_be_loaded_nothing_else_is_asked() -> None:
    scenes: list[str] = []
    found = {each.contract: each for each in check("missing", on_scene=scenes.append)}
    assert scenes == ["loading"]
    assert list(found) == list(CONTRACTS)
    assert found["loads"].holds is False
    assert "has no attribute 'Missing'" in found["loads"].seen
    assert (found["renders"].holds, found["renders"].seen) == (None, "it can't be loaded")


@pytest.mark.usefixtures("faulty")
def test_a_pipeline_that_can_not_be_interrupted_is_told_with_its_method() -> None:
    found = {each.contract: each for each in check("sticks", patience=5, call=1)}
    assert found["returns"].holds is False
    assert "sticks.while_running" in found["returns"].seen
    assert found["job-number"].holds
    assert found["complete-after"].holds is None


@pytest.mark.long
@pytest.mark.usefixtures("faulty")
def test_what_can_be_seen_in_processes_of_their_own_is_the_same() -> None:
    assert {each.holds for each in check("good", patience=20)} == {True}
