"""The seed that jobs get: recorded with each attempt, and never changed afterwards."""

from __future__ import annotations

import json
from typing import Any

from asimov.pipeline.node_pipeline import NodePipeline
from asimov.pipeline.nodes import Node

PRINT = "pipeline: command, executable: /bin/sh, outputs: {seed: seed.txt}"
SEED = 'arguments: ["-c", "printenv ASIMOV_SEED > seed.txt"]'


class Draws(NodePipeline):
    """Two nodes that keep the seed they got; the second fails while ``fail`` is there."""

    name = "draws"
    config_template = "test.ini"
    uses_seed = True

    def nodes(self) -> list[Node]:
        fails = f"[ ! -e {self.production.workspace.project.root}/fail ]"
        return [
            Node("one", "/bin/sh", ["-c", "printenv ASIMOV_SEED > one"], outputs=["one"]),
            Node("two", "/bin/sh", ["-c", f"{fails} && printenv ASIMOV_SEED > two"],
                 outputs=["two"], after=["one"]),
        ]  # fmt: skip


def seeds(lab: Any) -> list[int | None]:
    return [each.seed for each in lab.attempts("a")]


def again(lab: Any) -> None:
    lab.run("production", "set", "s", "a", "--status", "restart")
    lab.finish()


def test_an_attempt_keeps_its_seed_when_the_ledger_has_another(lab: Any) -> None:
    lab.apply(f"a, {PRINT}, {SEED}, seed: {2**64 - 1}")
    lab.finish()
    lab.apply(f"a, {PRINT}, {SEED}, seed: 8", update=True)
    again(lab)
    assert (lab.rundir("a") / "seed.txt").read_text() == "8\n"
    told = json.loads(lab.run("production", "show", "s", "a", "--json").out)
    assert [each["seed"] for each in told["attempts"]] == [2**64 - 1, 8]
    assert told["seed"] == 8
    assert json.loads(lab.run("why", "s", "a", "--json").out)["seed"] == 8
    assert "seed of its last attempt: 8" in lab.run("why", "s", "a").out
    lab.run("report", "html")
    pages = [path.read_text() for path in (lab.root / "pages").glob("*.html")]
    assert any("<dt>Seed</dt><dd>8</dd>" in page for page in pages)


def test_a_seed_of_the_ledger_wins_over_one_that_was_drawn(lab: Any) -> None:
    lab.register("draws", Draws)
    lab.apply("a, pipeline: draws")
    lab.finish()
    again(lab)
    drawn = seeds(lab)[0]
    assert seeds(lab) == [drawn, drawn]
    assert (lab.rundir("a") / "one").read_text() == f"{drawn}\n"
    lab.apply("a, pipeline: draws, seed: 7", update=True)
    again(lab)
    assert seeds(lab) == [drawn, drawn, 7]
    assert (lab.rundir("a") / "two").read_text() == "7\n"


def test_nodes_that_succeeded_run_again_with_another_seed(lab: Any) -> None:
    lab.register("draws", Draws)
    (lab.root / "fail").touch()
    lab.apply("a, pipeline: draws, seed: 1, max resurrections: 0")
    lab.finish(code=3)
    (lab.root / "fail").unlink()
    lab.apply("a, pipeline: draws, seed: 2, max resurrections: 0", update=True)
    again(lab)
    made = [(lab.rundir("a") / name).read_text() for name in ("one", "two")]
    assert made == ["2\n", "2\n"]


def test_a_retry_of_what_was_built_keeps_the_seed_of_the_first_try(lab: Any) -> None:
    lab.register("draws", Draws)
    (lab.root / "fail").touch()
    lab.apply("a, pipeline: draws, seed: 1, max resurrections: 1")
    lab.run("manage", "build", "submit")
    lab.apply("a, pipeline: draws, seed: 2, max resurrections: 1", update=True)
    lab.finish(code=3)
    assert seeds(lab) == [1, 1]


def test_an_analysis_without_a_seed_has_none(lab: Any) -> None:
    lab.apply("a")
    lab.finish()
    assert seeds(lab) == [None]
    assert "seed" not in lab.run("why", "s", "a").out
