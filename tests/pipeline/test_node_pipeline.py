"""Pipelines that describe their jobs as nodes, on the embedded scheduler."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asimov.errors import AsimovError, SchedulerUnreachableError
from asimov.pipeline import Pipeline
from asimov.pipeline.node_pipeline import NodePipeline
from asimov.pipeline.nodes import Input, Node, Numbered


class Shards(NodePipeline):
    """A node that prepares, three shards, and one that merges; ``fail`` names some that fail."""

    name = "shards"
    config_template = "test.ini"

    def nodes(self) -> Iterable[Node]:
        return [
            self._node("prepare", "echo p > p"),
            *(
                self._node(f"shard-{n}", f"cat p > s{n}; echo {n} >> s{n}", "prepare")
                for n in "123"
            ),
            self._node("merge", "cat s1 s2 s3 > all", "shard-1", "shard-2", "shard-3"),
        ]

    def _node(self, name: str, script: str, *after: str) -> Node:
        root = Path(self.production.workspace.project.root)
        output = script.rsplit(">", maxsplit=1)[-1].strip()
        fails = f'grep -qsx {name} "$1" && exit 3'
        # What a failing node has begun is there before it fails.
        script = f"echo {name} >> {root}/ran; {script.partition(';')[0]}; {fails}; {script}"
        return Node(
            name, "/bin/sh", ["-c", script, "sh", str(root / "fail")],
            {"GAIN": str(self.production.meta.get(f"gain {name}", 1))},
            [Input(str(root / "data"))] if name == "prepare" else (),
            [output], after,
        )  # fmt: skip

    def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
        return {"all": str(self.run_file("all"))} if self.run_file("all").exists() else {}


@pytest.fixture
def shards(lab: Any) -> Any:
    lab.register("shards", Shards)
    (lab.root / "data").write_text("1")
    return lab


def ran(lab: Any) -> list[str]:
    """Return which nodes have run since the last call, in the order of their names."""
    path = lab.root / "ran"
    names = sorted(path.read_text().split()) if path.exists() else []
    path.unlink(missing_ok=True)
    return names


ALL = ["merge", "prepare", "shard-1", "shard-2", "shard-3"]


def test_nodes_run_after_those_that_they_wait_for(shards: Any) -> None:
    shards.apply("a, pipeline: shards")
    shards.finish()
    assert shards.states() == {"a": "uploaded"}
    assert (shards.rundir("a") / "all").read_text() == "p\n1\np\n2\np\n3\n"
    assert ran(shards) == ALL


def test_a_restart_runs_only_what_has_not_succeeded(shards: Any) -> None:
    (shards.root / "fail").write_text("shard-2\n")
    shards.apply("a, pipeline: shards, max resurrections: 0")
    shards.finish(code=3)
    assert shards.states() == {"a": "stuck"}
    assert "shard-2 failed with exit code 3" in shards.reason("a")
    assert ran(shards) == ["prepare", "shard-1", "shard-2", "shard-3"]
    before = (shards.rundir("a") / "s1").stat().st_mtime_ns
    (shards.root / "fail").unlink()
    shards.run("production", "set", "s", "a", "--status", "restart")
    shards.finish()
    assert shards.states() == {"a": "uploaded"}
    assert ran(shards) == ["merge", "shard-2"]
    assert (shards.rundir("a") / "s1").stat().st_mtime_ns == before
    # What the failed node had begun is kept, but not where results are.
    (aside,) = shards.rundir("a").parent.glob("a.superseded-*/s2")
    assert aside.read_text() == "p\n"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("gain shard-1: 2", ["merge", "shard-1", "shard-2"]),
        ("gain prepare: 2", ALL),
        ("data", ALL),
        ("output", ["merge", "shard-2", "shard-3"]),
    ],
)
def test_a_restart_also_runs_what_has_changed_and_what_comes_after(
    shards: Any, change: str, expected: list[str]
) -> None:
    (shards.root / "fail").write_text("shard-2\n")
    shards.apply("a, pipeline: shards, max resurrections: 0")
    shards.finish(code=3)
    ran(shards)
    (shards.root / "fail").unlink()
    if change == "data":
        (shards.root / "data").write_text("2")
    elif change == "output":
        (shards.rundir("a") / "s3").unlink()
    else:
        shards.apply(f"a, pipeline: shards, max resurrections: 0, {change}", update=True)
    shards.run("production", "set", "s", "a", "--status", "restart")
    shards.finish()
    assert shards.states() == {"a": "uploaded"}
    assert ran(shards) == expected


class Own(Shards):
    """Has a program of the project for a shard."""

    name = "own"

    def _node(self, name: str, script: str, *after: str) -> Node:
        node = super()._node(name, script, *after)
        program = str(Path(self.production.workspace.project.root) / "program")
        return replace(node, executable=program) if name == "shard-1" else node

    def _description(self, *args: Any) -> str:  # the embedded scheduler has no containers
        lines = super()._description(*args).splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith("container_image"))


def own_program(lab: Any) -> Path:
    lab.register("own", Own)
    program = Path(lab.root / "program")
    program.write_text('#!/bin/sh\nexec /bin/sh "$@"\n')
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("change", ["program", "image", "image file"])
def test_a_restart_runs_again_what_another_program_or_image_has_made(
    shards: Any, change: str
) -> None:
    program, image = own_program(shards), shards.root / "image.sif"
    image.write_text("1")
    (shards.root / "fail").write_text("shard-2\n")
    blueprint = "a, pipeline: own, max resurrections: 0, scheduler: {{container_image: '{}'}}"
    shards.apply(blueprint.format(image))
    shards.finish(code=3)
    assert ran(shards) == ["prepare", "shard-1", "shard-2", "shard-3"]
    (shards.root / "fail").unlink()
    if change == "program":
        program.write_text('#!/bin/sh\n# mended\nexec /bin/sh "$@"\n')
    elif change == "image":
        shards.apply(blueprint.format("docker://other"), update=True)
    else:
        image.write_text("2")
    shards.run("production", "set", "s", "a", "--status", "restart")
    shards.finish()
    assert ran(shards) == (["merge", "shard-1", "shard-2"] if change == "program" else ALL)


def test_a_result_is_out_of_date_by_a_program_of_nodes_that_a_restart_did_not_run(
    shards: Any,
) -> None:
    program = own_program(shards)
    (shards.root / "fail").write_text("shard-2\n")
    shards.apply("a, pipeline: own, max resurrections: 0")
    shards.finish(code=3)
    (shards.root / "fail").unlink()
    ran(shards)
    shards.run("production", "set", "s", "a", "--status", "restart")
    shards.finish()
    assert ran(shards) == ["merge", "shard-2"]
    program.write_text('#!/bin/sh\n# mended\nexec /bin/sh "$@"\n')
    assert "the executable program has changed" in shards.run("status").out


def test_a_restart_of_what_was_complete_runs_everything(shards: Any) -> None:
    shards.apply("a, pipeline: shards")
    shards.finish()
    ran(shards)
    shards.run("production", "set", "s", "a", "--status", "restart")
    shards.finish()
    assert ran(shards) == ALL


def test_a_restart_of_what_was_complete_after_a_retry_runs_everything(
    shards: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resurrect(self: Shards) -> None:
        (shards.root / "fail").unlink()
        NodePipeline.resurrect(self)

    monkeypatch.setattr(Shards, "resurrect", resurrect)
    (shards.root / "fail").write_text("shard-2\n")
    shards.apply("a, pipeline: shards")
    shards.finish()
    assert ran(shards) == [*ALL[:3], "shard-2", *ALL[3:]]
    shards.run("production", "set", "s", "a", "--status", "restart")
    shards.finish()
    assert ran(shards) == ALL


@pytest.mark.parametrize("change", ["program", "gain", ""])
def test_a_retry_runs_again_what_another_program_has_made(shards: Any, change: str) -> None:
    program = own_program(shards)
    (shards.root / "fail").write_text("shard-2\n")
    shards.apply("a, pipeline: own, resurrection pause: 1000000")
    while "will be submitted again" not in shards.run("status").out:
        shards.asimov("monitor", "--chain")
    (shards.root / "fail").unlink()
    if change == "program":
        program.write_text('#!/bin/sh\n# mended\nexec /bin/sh "$@"\n')
    gain = ", gain shard-1: 2" if change == "gain" else ""  # a retry runs what was built
    shards.apply(f"a, pipeline: own, resurrection pause: 0{gain}", update=True)
    shards.finish()
    assert shards.states() == {"a": "uploaded"}
    again = ["shard-1"] if change == "program" else []
    assert ran(shards) == sorted([*ALL, "shard-2", *again])
    assert "program has changed" not in shards.run("status").out


def fail_first(lab: Any, settings: str = "pipeline: own") -> None:
    """Let a shard fail, and stop before the retry."""
    (lab.root / "fail").write_text("shard-2\n")
    lab.apply(f"a, {settings}, resurrection pause: 1000000")
    while "will be submitted again" not in lab.run("status").out:
        lab.asimov("monitor", "--chain")
    ran(lab)


def mend_after_failure(lab: Any) -> None:
    """Change the program of a shard that has succeeded before the retry of another."""
    program = own_program(lab)
    fail_first(lab)
    program.write_text('#!/bin/sh\n# mended\nexec /bin/sh "$@"\n')
    (lab.root / "fail").unlink()
    lab.apply("a, pipeline: own, resurrection pause: 0", update=True)


def test_a_retry_of_a_changed_program_is_made_once_the_scheduler_answers(
    shards: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def submit_dag(*args: Any, **kwargs: Any) -> int:
        raise SchedulerUnreachableError("the schedd does not answer")

    mend_after_failure(shards)
    with monkeypatch.context() as away:
        away.setattr("asimov.scheduler.local.LocalScheduler.submit_dag", submit_dag)
        shards.asimov("monitor", "--chain")
    assert shards.states() == {"a": "running"}
    shards.finish()
    assert shards.states() == {"a": "uploaded"}
    assert ran(shards) == ["merge", "shard-1", "shard-2"]


def test_a_retry_that_was_broken_off_still_knows_which_program_has_changed(
    shards: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any) -> None:
        if any(path.name == "s1" for path in args[1]):
            raise AsimovError("can't be moved aside: No space left on device")

    mend_after_failure(shards)
    with monkeypatch.context() as broken:
        broken.setattr("asimov.pipeline.node_pipeline.move_aside", full)
        shards.asimov("monitor", "--chain")
    assert shards.states() == {"a": "stuck"}
    shards.run("production", "set", "s", "a", "--status", "restart")
    shards.finish()
    assert ran(shards) == ["merge", "shard-1", "shard-2"]


def test_a_retry_does_not_repeat_what_the_mended_program_has_made(shards: Any) -> None:
    program = own_program(shards)
    program.write_text("#!/bin/sh\nexit 1\n")  # all that uses it fails
    fail_first(shards)
    program.write_text('#!/bin/sh\n# mended\nexec /bin/sh "$@"\n')
    shards.apply("a, pipeline: own, resurrection pause: 0, max resurrections: 2", update=True)
    shards.finish(code=3)
    # In each retry shard-2 fails; shard-1 was made by the mended program in the first of them.
    assert ran(shards) == ["shard-1", "shard-2", "shard-2"]


@pytest.mark.parametrize("program", ["/bin/false", "/bin/true"])
def test_a_node_alone_that_failed_is_not_said_to_be_submitted_again(
    shards: Any, program: str
) -> None:
    class Alone(Shards):
        def nodes(self) -> Iterable[Node]:
            return [Node("job", program, outputs=["out"])]

    shards.register("alone", Alone)
    shards.apply("a, pipeline: alone, resurrection pause: 1000000")
    shards.finish(code=3)
    assert shards.states() == {"a": "stuck"}
    assert "again" not in shards.reason("a")


def test_what_is_missing_may_be_an_iterator(shards: Any) -> None:
    class Lazy(Shards):
        def nodes(self) -> Iterable[Node]:
            return [Node("job", "/bin/false", outputs=["out"])]

        def missing_outputs(self) -> Any:
            return map(str.upper, super().missing_outputs())

    shards.register("lazy", Lazy)
    shards.apply("a, pipeline: lazy")
    shards.finish(code=3)
    assert "it is not complete: OUT missing" in shards.reason("a")


def test_a_second_restart_remembers_what_succeeded_before_the_first(shards: Any) -> None:
    (shards.root / "fail").write_text("shard-2\nshard-3\n")
    shards.apply("a, pipeline: shards, max resurrections: 0")
    shards.finish(code=3)
    for failing in ("shard-3\n", ""):
        ran(shards)
        (shards.root / "fail").write_text(failing)
        shards.run("production", "set", "s", "a", "--status", "restart")
        shards.finish(code=3 if failing else 0)
    assert ran(shards) == ["merge", "shard-3"]
    assert (shards.rundir("a") / "all").read_text() == "p\n1\np\n2\np\n3\n"


def test_a_retry_of_the_monitor_sets_half_written_outputs_aside(shards: Any) -> None:
    (shards.root / "fail").write_text("shard-2\n")
    shards.apply("a, pipeline: shards, max resurrections: 1")
    shards.finish(code=3)
    assert ran(shards) == ["prepare", "shard-1", "shard-2", "shard-2", "shard-3"]
    (aside,) = shards.rundir("a").parent.glob("a.superseded-*/s2")
    assert aside.read_text() == "p\n"


class Refusing(Shards):
    """Its nodes, which it yields, need a file, in whose absence it says what to do."""

    def nodes(self) -> Iterator[Node]:
        if not (Path(self.production.workspace.project.root) / "mended").exists():
            raise AsimovError("there is no such file", where="mended", hint="make it")
        yield self._node("all", "echo 1 > all")


class Unchecked(Refusing):
    """As a package whose jobs are not looked at before they are submitted."""

    check_jobs = Pipeline.check_jobs


def test_a_mistake_that_a_pipeline_reports_refuses_each_build_until_it_is_mended(lab: Any) -> None:
    lab.register("refusing", Refusing)
    lab.apply("a, pipeline: refusing")
    for _ in range(2):
        told = lab.run("monitor", "--chain", code=1).out
        assert "s/a: mended: there is no such file (make it)" in told
        assert "refusing." not in told
    assert lab.states() == {"a": "ready"}
    assert "can't be built: mended: there is no such file (make it)" in lab.run("why", "s", "a").out
    (lab.root / "mended").touch()
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
    shown = json.loads(lab.run("production", "show", "s", "a", "--json").out)
    assert len(shown["attempts"]) == 1


def test_a_mistake_that_only_a_submission_can_find_is_told_in_its_own_words(lab: Any) -> None:
    lab.register("unchecked", Unchecked)
    lab.apply("a, pipeline: unchecked")
    lab.finish(code=3)
    assert lab.states() == {"a": "stuck"}
    assert lab.reason("a") == "mended: there is no such file"


class Words(NodePipeline):
    """Two processes that write their words."""

    name = "words"
    config_template = "test.ini"

    def nodes(self) -> list[Node]:
        given = ["$(Process)", "$$$(Process)", "$(Cluster)", "$$(OpSys)", "$(Process"]
        script = 'printf "%s\\n" "$@" "$GIVEN" "$OWN" > "$1"'
        words = ["-c", script, "sh", Numbered("words-$(Process)"), *given]
        variables = {"GIVEN": "$(Process)", "OWN": Numbered("$(Process)")}
        outputs = ["words-0", "words-1"]
        return [Node("words", "/bin/sh", words, variables, outputs=outputs, processes=2)]

    def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
        return {}


def test_only_numbered_words_have_the_number_of_the_process(lab: Any) -> None:
    lab.register("words", Words)
    lab.apply("a, pipeline: words")
    lab.finish()
    for number in "01":
        words = (lab.rundir("a") / f"words-{number}").read_text().splitlines()
        assert words == [
            f"words-{number}", "$(Process)", "$$$(Process)", "$(Cluster)", "$$(OpSys)",
            "$(Process", "$(Process)", number,
        ]  # fmt: skip
