"""The graph of analyses."""

from __future__ import annotations

from itertools import pairwise

import pytest

from asimov.engine.graph import Edge, Graph, graph, parts
from asimov.errors import AsimovError
from asimov.pipeline.assets import Asset


@pytest.fixture
def made(lab, simple):
    """Two subjects, pipelines that declare what they make and need, and one that can't be made."""

    class Maker(simple):
        name = "maker"
        outputs = (Asset("psds", "text"), Asset("frames"), Asset("logs"))

    class User(simple):
        name = "user"
        inputs = (Asset("frames"), Asset("psds", optional=True), Asset("calibration"))

        def __init__(self, *arguments):
            raise AssertionError("the graph makes no pipelines")

    class Odd(simple):
        name = "odd"
        inputs = "psds"
        outputs = (3, Asset("frames"))

    for kind in (Maker, User, Odd):
        lab.register(kind.name, kind)
    lab.apply(
        "c, pipeline: user, needs: [b, a]",
        "b, pipeline: simpletestpipeline, needs: [a]",
        "a, pipeline: maker, status: uploaded",
        "over, pipeline: user, analyses: ['pipeline: odd'], needs: [a]",
        "d, pipeline: odd",
    )
    path = lab.root / "more.yaml"
    path.write_text(
        "{kind: subject, name: t}\n---\n"
        "{kind: analysis, event: t, name: e, pipeline: user, needs: [s/a]}\n---\n"
        "{kind: analysis, event: t, name: alone, pipeline: user}\n---\n"
        "{kind: projectanalysis, name: p, pipeline: user, subjects: [s, t], analyses: [a, e]}\n"
    )
    lab.run("apply", "-f", path)
    return lab


def edges(found: Graph) -> dict[str, tuple[bool, tuple[str, ...]]]:
    return {
        f"{'/'.join(each.source)} {'/'.join(each.target)}": (each.used, each.assets)
        for each in found.edges
    }


def test_every_analysis_stands_after_those_that_it_needs(made):
    found = graph(made.open())
    order = list(found.nodes)
    assert len(order) == 8
    assert all(order.index(each.source) < order.index(each.target) for each in found.edges)
    assert found.nodes["s", "a"].status == "uploaded"
    assert found.nodes["s", "over"].kind == "subject"
    assert found.nodes["project-analyses", "p"].kind == "project"
    assert not any(node.outside for node in found.nodes.values())


def test_an_edge_says_whether_the_product_is_used_and_which_flows(made):
    assert edges(graph(made.open())) == {
        "s/a s/b": (True, ()),
        "s/a s/c": (True, ("psds", "frames")),
        "s/b s/c": (True, ()),
        "s/a s/over": (False, ()),
        "s/d s/over": (True, ("frames",)),
        "s/a t/e": (True, ("psds", "frames")),
        "s/a project-analyses/p": (True, ("psds", "frames")),
        "t/e project-analyses/p": (True, ()),
    }


def test_of_one_subject_those_of_others_are_told_as_outside(made):
    found = graph(made.open(), "t")
    outside = {key for key, node in found.nodes.items() if node.outside}
    assert set(found.nodes) == {("t", "e"), ("t", "alone"), *outside}
    assert outside == {("s", "a"), ("project-analyses", "p")}
    assert set(edges(found)) == {"s/a t/e", "t/e project-analyses/p"}


def test_the_parts_of_the_whole_are_the_graphs_of_the_subjects(made):
    workspace = made.open()
    found = parts(graph(workspace))
    assert set(found) == {"s", "t", "project-analyses"}
    assert found["t"] == graph(workspace, "t")


def test_a_subject_without_analyses_and_one_that_there_is_not(made):
    (made.root / "empty.yaml").write_text("{kind: subject, name: empty}")
    made.run("apply", "-f", made.root / "empty.yaml")
    assert graph(made.open(), "empty") == Graph({}, [])
    with pytest.raises(AsimovError, match="there is no subject 'ss'"):
        graph(made.open(), "ss")


def test_a_circle_that_somebody_has_edited_in_is_drawn(made):
    path = made.root / "ledger" / "subjects" / "s.yaml"
    path.write_text(
        "name: s\nanalyses:\n"
        "- {name: a, pipeline: maker, needs: [c]}\n- {name: b, pipeline: user, needs: [a]}\n"
        "- {name: c, pipeline: user, needs: [b]}\n- {name: d, pipeline: user, needs: [c]}\n"
    )
    found = graph(made.open(), "s")
    assert {key[1] for key in found.nodes if key[0] == "s"} == set("abcd")
    assert Edge(("s", "c"), ("s", "a"), True) in found.edges
    assert list(found.nodes)[-1] == ("s", "d") or ("t", "e") in found.nodes


def test_a_pipeline_that_can_not_be_loaded_declares_nothing(made):
    def load():
        raise ImportError("no such library")

    made.register("maker", None)
    made._pipelines["maker"].load = load
    assert edges(graph(made.open()))["s/a s/c"] == (True, ())


def test_thousands_in_a_row(lab):
    names = [f"a{number}" for number in range(2000)]
    text = "name: s\nanalyses:\n- {name: a0, pipeline: command}\n"
    for before, name in pairwise(names):
        text += f"- {{name: {name}, pipeline: command, needs: [{before}]}}\n"
    lab.apply("a0, pipeline: command")
    (lab.root / "ledger" / "subjects" / "s.yaml").write_text(text)
    assert [key[1] for key in graph(lab.open()).nodes] == names
