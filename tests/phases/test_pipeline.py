"""A pipeline of phases: its folders, links and runs, as published programs expect them."""

from __future__ import annotations

import pytest
from numpy.random import SeedSequence, default_rng

from asimov.errors import AsimovError
from asimov.phases import PhaseResult, Pipeline, StatusMessage
from asimov.phases.one_run import Ended, process


@pytest.fixture
def folders(tmp_path, synthetic):
    return tmp_path / "work" / "space", synthetic.traces(tmp_path / "traces", {1: 5, 2: 5, 3: 5})


def test_the_workspace_has_both_folders_of_every_phase_active_or_not(synthetic, folders):
    pipeline = Pipeline([synthetic.drawing(), synthetic.Foreign()], [True, False], *folders)
    pipeline.create_workspace()
    pipeline.create_workspace()
    assert sorted(path.name for path in folders[0].iterdir()) == [
        "Draw", "Draw_assets", "Foreign", "Foreign_assets",
    ]  # fmt: skip


def test_assets_are_asked_of_active_phases_in_order_until_one_can_not(synthetic, folders, calls):
    phases = [
        synthetic.drawing("A"), synthetic.drawing("B"),
        synthetic.drawing("C", note="no assets"), synthetic.drawing("D"),
    ]  # fmt: skip
    pipeline = Pipeline(phases, [True, False, True, True], *folders)
    pipeline.create_workspace()
    assert pipeline.create_assets() is False
    assert calls() == ["A assets", "C assets"]
    pipeline.active = [True, True, False, True]
    assert pipeline.create_assets() is True


def test_links_hold_where_schemas_are_equal_whole_or_not_given(synthetic, tmp_path):
    first, second = synthetic.drawing(), synthetic.drawing("Add", "draw")
    pipeline = Pipeline([first, second], [True, True], tmp_path / "none", tmp_path / "no")
    assert pipeline.validate() == {"DrawPhase->AddPhase": True}
    second.incoming_schema = synthetic.schema("draw", number="int")
    assert pipeline.validate() == {"DrawPhase->AddPhase": False}
    second.incoming_schema = synthetic.schema("draw", ".dat", number="float")
    assert pipeline.validate() == {"DrawPhase->AddPhase": False}
    second.incoming_schema = None
    assert pipeline.validate() == {"DrawPhase->AddPhase": True}
    assert not (tmp_path / "none").exists()


def test_phases_of_two_packages_link_by_their_attributes(synthetic, tmp_path):
    for foreign, linked in (
        (synthetic.Foreign(), True),
        (synthetic.Foreign(extension=".h5"), False),
    ):
        behind = synthetic.drawing("Last", "foreign")
        phases = [synthetic.drawing(), foreign, behind]
        pipeline = Pipeline(phases, [True] * 3, tmp_path, tmp_path)
        assert pipeline.validate() == {
            "DrawPhase->ForeignPhase": linked, "ForeignPhase->LastPhase": True,
        }  # fmt: skip


def test_a_link_that_does_not_hold_is_refused_with_both_sides(synthetic, tmp_path):
    phases = [synthetic.drawing(), synthetic.Foreign(extension=".h5")]
    with pytest.raises(AsimovError) as refused:
        Pipeline(phases, [True, True], tmp_path, tmp_path).check()
    assert str(refused.value) == (
        'DrawPhase->ForeignPhase do not link: one makes draw .txt {"number": "float"};'
        ' the other expects draw .h5 {"number": "float"}'
    )


@pytest.mark.parametrize(
    ("active", "names", "said"),
    [
        ([True, True], ["A", "A"], "two phases have the name 'A'"),
        ([True], ["A", "B"], "2 phases and 1 values"),
        ([], [], "no phases"),
    ],
)
def test_what_can_not_work_is_refused(synthetic, tmp_path, active, names, said):
    phases = [synthetic.drawing(name) for name in names]
    with pytest.raises(AsimovError, match=said):
        Pipeline(phases, active, tmp_path, tmp_path).check()


def test_runs_go_through_all_phases_in_the_order_given(synthetic, folders, queue, calls):
    phases = [synthetic.drawing("A"), synthetic.drawing("B", "a")]
    pipeline = Pipeline(phases, [True, True], *folders)
    pipeline.create_workspace()
    pipeline.create_assets()
    before = set(folders[0].rglob("*"))
    assert pipeline.run([3, 9, 1], queue, SeedSequence(5)) == []
    assert calls()[2:] == ["A run 3", "B run 3", "A run 1", "B run 1"]
    made = {path.relative_to(folders[0]) for path in set(folders[0].rglob("*")) - before}
    assert {str(path) for path in made} == {
        f"{phase}/run_000{run}.txt" for phase in "AB" for run in (1, 3)
    }
    # One generator serves all, in turn.
    rng = default_rng(SeedSequence(5))
    numbers = [rng.normal() for _ in range(4)]
    assert (folders[0] / "B" / "run_0003.txt").read_text() == (
        f"ttttt {numbers[0]!r} {numbers[1]!r}\n"
    )
    assert (folders[0] / "A" / "run_0001.txt").read_text() == f"ttttt {numbers[2]!r}\n"
    # The phases' own messages, unchanged, and one more.
    assert queue[:-1] == [
        StatusMessage(f"{phase} of {run}", 1, 4, run)
        for run in (3, 1) for phase in "AB" for _ in range(4)
    ]  # fmt: skip
    assert queue[-1] == StatusMessage("Complete", 0, 0, -1)


def test_a_phase_that_is_not_active_draws_nothing_and_an_active_one_runs_again(
    synthetic, folders, queue
):
    phases = [synthetic.drawing("A"), synthetic.drawing("B", "a")]
    pipeline = Pipeline(phases, [True, True], *folders)
    pipeline.create_workspace()
    pipeline.create_assets()
    pipeline.run([1], queue, SeedSequence(5))
    pipeline.active = [False, True]
    pipeline.run([1], queue, SeedSequence(5))
    a, b = default_rng(SeedSequence(5)).normal(size=2)
    assert (folders[0] / "B" / "run_0001.txt").read_text() == f"ttttt {float(a)!r} {float(a)!r}\n"
    assert a != b


def test_an_exception_fails_only_its_run_and_puts_its_artifact_aside(synthetic, folders, queue):
    phases = [synthetic.drawing("A"), synthetic.drawing("B", "a", faults={"2": "raise"})]
    pipeline = Pipeline(phases, [True, True], *folders)
    pipeline.create_workspace()
    pipeline.create_assets()
    (failure,) = pipeline.run([1, 2, 3], queue, SeedSequence(5))
    assert str(failure) == "run 2: B: ValueError: in run 2"
    assert "bad event" in failure.traceback
    results = folders[0] / "B"
    assert sorted(path.name for path in results.iterdir()) == [
        "run_0001.txt", "run_0002.txt.failed", "run_0003.txt",
    ]  # fmt: skip
    assert (results / "run_0002.txt.failed").read_text() == "half"
    assert (folders[0] / "A" / "run_0002.txt").exists()
    assert queue[-1].phase == "Complete"
    pipeline.run([2], queue, SeedSequence(5))
    assert (results / "run_0002.txt.failed-2").exists()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("invalid", "was not successful"),
        ("exit", "SystemExit: 3"),
        ("none", "TypeError: it returned NoneType, not a PhaseResult"),
        ("unwritten", "said that it was successful, but there is no {}/Draw/run_0002.txt"),
    ],
)
def test_every_way_to_fail_names_the_phase(synthetic, folders, queue, fault, reason):
    pipeline = Pipeline([synthetic.drawing(faults={"2": fault})], [True], *folders)
    pipeline.create_workspace()
    pipeline.create_assets()
    (failure,) = pipeline.run([1, 2, 3], queue, SeedSequence(5))
    assert str(failure) == f"run 2: Draw: {reason.format(folders[0])}"
    assert (folders[0] / "Draw" / "run_0003.txt").exists()
    assert not (folders[0] / "Draw" / "run_0002.txt").exists()


def test_a_phase_may_remove_what_an_earlier_one_has_written(synthetic, folders, queue):
    phases = [synthetic.drawing("A"), synthetic.drawing("B", "a")]
    pipeline = Pipeline(phases, [True, True], *folders)
    pipeline.create_workspace()
    pipeline.create_assets()
    draw = phases[1].run

    def run(payload, *others):
        result = draw(payload, *others)
        payload.artifact_path.unlink()
        return result

    phases[1].run = run
    assert pipeline.run([1, 2], queue, SeedSequence(5)) == []
    assert not list((folders[0] / "A").iterdir())


def chain(folders, *phases, active):
    pipeline = Pipeline(phases, active, *folders)
    pipeline.create_workspace()
    pipeline.create_assets()
    return pipeline


def test_what_a_phase_did_not_make_is_not_demanded_of_it(synthetic, folders, queue):
    """Links are declared in schemas; results may hold fewer artifacts, or hand some on."""
    first, last = synthetic.drawing("A"), synthetic.drawing("B", "a")
    pipeline = chain(folders, first, last, active=[True, False])
    made = folders[0] / "A" / "run_0001.txt"
    assert process(pipeline, 1, queue, default_rng(1)) == Ended(1, {"a": made})  # B never ran
    first.run = lambda *_: PhaseResult({}, True, 3)
    assert process(pipeline, 3, queue, default_rng(1)) == Ended(3)
    pipeline.active = [False, True]
    last.run = lambda payload, *_: payload  # A has made nothing of run 3
    assert process(pipeline, 3, queue, default_rng(1)) == Ended(3)


def test_a_run_whose_data_are_gone_is_not_complete(synthetic, folders, queue):
    pipeline = chain(folders, synthetic.drawing(), active=[True])
    ended = process(pipeline, 9, queue, default_rng(1))
    assert str(ended.failure) == f"run 9: no phase: there are no data: {folders[1]}/run_0009.h5"


def test_the_phase_that_was_not_successful_first_is_named(synthetic, folders, queue, calls):
    phases = [
        synthetic.drawing("A"),
        synthetic.drawing("B", "a", faults={"2": "invalid"}),
        synthetic.drawing("C", "b"),
    ]
    pipeline = Pipeline(phases, [True] * 3, *folders)
    pipeline.create_workspace()
    pipeline.create_assets()
    (failure,) = pipeline.run([2], queue, SeedSequence(5))
    assert (failure.phase, failure.reason) == ("B", "was not successful")
    assert calls()[-1] == "C run 2"  # it decided itself
    phases[2].run = lambda payload, *_: payload.artifacts["b"]  # as published phases do
    (failure,) = pipeline.run([2], queue, SeedSequence(5))
    assert str(failure) == "run 2: B: was not successful; then C: KeyError: 'b'"


def test_a_phase_that_is_not_active_does_not_make_up_for_a_failure(synthetic, folders, queue):
    phases = [synthetic.drawing("A", faults={"2": "invalid"}), synthetic.drawing("B", "a")]
    pipeline = Pipeline(phases, [True, False], *folders)
    pipeline.create_workspace()
    pipeline.create_assets()
    (failure,) = pipeline.run([2], queue, SeedSequence(5))
    assert failure.phase == "A"
    phases[1].run = lambda payload, *_: PhaseResult({}, True, 2)  # an active one may
    pipeline.active = [True, True]
    assert pipeline.run([2], queue, SeedSequence(5)) == []


def test_a_file_that_a_failed_phase_only_hands_on_stays(synthetic, folders, queue):
    class HandsOn(synthetic.Drawing):
        def construct_artifact(self, payload, workspace_path):
            result = super().construct_artifact(payload, workspace_path)
            result.artifacts |= payload.artifacts
            return result

    last = HandsOn(synthetic.Parameters(synthetic.Scale(1.0), faults={"2": "raise"}), "B", "a")
    pipeline = Pipeline([synthetic.drawing("A"), last], [True, True], *folders)
    pipeline.create_workspace()
    pipeline.create_assets()
    (failure,) = pipeline.run([2], queue, SeedSequence(5))
    assert [path.name for path in failure.aside] == ["run_0002.txt.failed"]
    assert (folders[0] / "A" / "run_0002.txt").exists()
    assert (folders[1] / "run_0002.h5").exists()


def test_behind_a_phase_of_another_package_a_result_has_all_attributes(synthetic, folders, queue):
    seen = []
    last = synthetic.drawing("Last", "foreign")
    last.run = lambda payload, *_: seen.append(payload) or payload
    pipeline = Pipeline([synthetic.drawing(), synthetic.Foreign(), last], [True] * 3, *folders)
    pipeline.create_workspace()
    pipeline.create_assets()
    assert pipeline.run([1], queue, SeedSequence(5)) == []
    (payload,) = seen
    assert payload.metadata == {}
    assert payload.artifact_path == folders[0] / "Foreign" / "run_0001.txt"
    assert payload.extra == "kept"
