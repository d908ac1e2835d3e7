"""``asimov provenance``: what made a result, from the project or from a stored result alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import prov.model

from tests.chain import ODD, Chain, chain

__all__ = ["chain"]


def told(chain: Chain, *arguments: object) -> prov.model.ProvDocument:
    """Return the document that a command writes, after a round trip through `prov`."""
    written = chain.out("provenance", *arguments, "--format", "prov-json")
    document = prov.model.ProvDocument.deserialize(content=written, format="json")
    again = prov.model.ProvDocument.deserialize(content=document.serialize(format="json"))
    assert again == document
    return document


def labels(document: prov.model.ProvDocument, kind: type[Any]) -> dict[str, str]:
    """Return the label of each record of a kind, by its identifier."""
    return {str(each.identifier): str(each.label) for each in document.get_records(kind)}


def pairs(document: prov.model.ProvDocument, kind: type[Any]) -> set[tuple[str, str]]:
    """Return the labels of the two ends of each relation of a kind."""
    known = {
        **labels(document, prov.model.ProvEntity),
        **labels(document, prov.model.ProvActivity),
        **labels(document, prov.model.ProvAgent),
    }
    return {
        (known[str(each.args[0])], known[str(each.args[1])]) for each in document.get_records(kind)
    }


def test_prov_json_has_the_attempt_and_everything_upstream(chain: Chain) -> None:
    document = told(chain, "s/third")
    names = {"s/first@1", "s/second@1", "s/third@1"}
    assert set(labels(document, prov.model.ProvActivity).values()) == names
    for activity in document.get_records(prov.model.ProvActivity):
        assert activity.get_startTime() and activity.get_endTime() >= activity.get_startTime()
    informed = pairs(document, prov.model.ProvCommunication)
    assert informed == {("s/third@1", "s/second@1"), ("s/second@1", "s/first@1")}
    activities = labels(document, prov.model.ProvActivity)
    used = {
        (activities[str(each.args[0])], str(place))
        for each in document.get_records(prov.model.ProvUsage)
        for entity in document.get_record(each.args[1])
        for place in entity.get_attribute("prov:location")
    }
    assert {
        ("s/first@1", "data/in.txt"),
        ("s/second@1", "scripts/run.sh"),
        ("s/second@1", "working/s/first/y"),
        ("s/second@1", "checkouts/s/analyses/second.ini"),
    } <= used
    assert ("s/second@1", "the settings") in pairs(document, prov.model.ProvUsage)
    agents = {each.partition("==")[0] for each in labels(document, prov.model.ProvAgent).values()}
    made_by = {who.partition("==")[0] for _, who in pairs(document, prov.model.ProvAssociation)}
    assert made_by == agents and "asimov" in agents and len(agents) >= 2
    generated = {tuple(each.args[:2]) for each in document.get_records(prov.model.ProvGeneration)}
    derived = document.get_records(prov.model.ProvDerivation)
    products = {entity for entity, _ in generated}
    assert len(products) == len(generated) == 3
    assert products <= {each.args[0] for each in derived}
    places = {
        str(place)
        for product in products
        for entity in document.get_record(product)
        for place in entity.get_attribute("prov:location")
    }
    assert places >= {"s/first/y", f"s/second/{ODD}", "s/third/w"}


def test_a_document_stops_where_it_is_asked_to(chain: Chain) -> None:
    alone = told(chain, "s/third@1", "--depth", 0)
    # The attempt that made the input is named, and not described.
    assert sorted(labels(alone, prov.model.ProvActivity).values()) == ["s/second@1", "s/third@1"]
    text = chain.out("provenance", "s/third", "--depth", 1)
    assert "\ns/second@1\n" in text and "\ns/first@1\n" not in text
    assert ", of s/first@1\n" in text


def test_the_text_names_settings_files_software_and_people(chain: Chain) -> None:
    text = chain.out("provenance", "s/second")
    for expected in (
        "s/second@1\n  requested ", "ended ", "exit code 0", "gain: 2", "scripts/run.sh  ",
        "working/s/first/y  ", "of s/first@1", "products ", "bytes", "command of asimov==",
        "\ns/first@1\n", "commit ",
    ):  # fmt: skip
        assert expected in text, text


def test_a_stored_result_answers_without_its_project(chain: Chain, tmp_path: Any) -> None:
    stored = tmp_path / "elsewhere" / "s" / "second"
    shutil.copytree(chain.root / "results" / "s" / "second", stored)
    document = told(chain, "--file", stored / "asimov-provenance.json")
    made = list(document.get_records(prov.model.ProvGeneration))
    assert {"s/second@1", "s/first"} == set(labels(document, prov.model.ProvActivity).values())
    assert len(made) == 2
    assert "s/second@1" in chain.out("provenance", "--file", stored / "asimov-provenance.json")
    crate = tmp_path / "crate.zip"
    chain.run("package", "s", "second", "-o", crate)
    assert told(chain, "--file", crate) == document
    written = chain.out("provenance", "s", "second", "--depth", 0, "-o", tmp_path / "told.txt")
    assert "told.txt" in written and "s/second@1" in (tmp_path / "told.txt").read_text()
    (stored / "other.json").write_text('{"format": 1}')
    ran = chain.run("provenance", "--file", stored / "other.json", code=1)
    assert "other.json: is not a record" in ran.stderr
    assert "name an analysis" in chain.run("provenance", code=2).stderr
    assert "'b'" in chain.run("provenance", "s/b", code=1).stderr


def test_graphviz_reads_the_graph(chain: Chain) -> None:
    graph = chain.out("provenance", "s/third", "--format", "dot")
    assert graph.startswith("digraph provenance {") and graph.rstrip().endswith("}")
    for name in ("s/first@1", "s/second@1", "s/third@1", "data/in.txt", 'second/z \\"ü.txt'):
        assert name in graph
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tcanon"], check=True, input=graph, text=True)


def test_the_document_is_json_that_any_reader_takes(chain: Chain) -> None:
    document = json.loads(chain.out("provenance", "s/first", "--format", "prov-json"))
    assert set(document) >= {"prefix", "entity", "activity", "agent", "used", "wasGeneratedBy"}


def test_a_file_in_the_place_of_a_name_is_pointed_out(chain: Chain) -> None:
    file = "results/s/first/asimov-provenance.json"
    told = chain.run("provenance", file, code=1).stderr
    assert f"'asimov provenance --file {file}'" in told


def test_a_file_that_exists_is_not_overwritten(chain: Chain, tmp_path: Any) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    for command in (
        ("provenance", "s/first", "-o", there),
        ("ledger", "export", there),
        ("report", "ledger", "--yaml", there),
        ("ledger", "export", os.devnull),
    ):
        ran = chain.run(*command, code=1)
        assert ran.stdout == ""
        assert "already exists" in ran.stderr
    assert there.read_text() == "mine"
    assert Path(os.devnull).is_char_device()
