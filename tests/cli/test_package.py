"""``asimov package``: a Workflow Run RO-Crate of an analysis: valid, complete, all or nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from tests.chain import ODD, Chain, chain
from tests.crates import issues
from tests.lab import lab

__all__ = ["chain", "lab"]

#: What the validator recommends and no program can know; and a quirk of it: it looks at classes.
UNKNOWN = (
    "SHOULD be an `Organization` (./)",
    "affiliation",
    "(http://schema.org/SoftwareSourceCode)",
    "(https://bioschemas.org/ComputationalWorkflow)",
)


@pytest.fixture(scope="module")
def crate(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The crate of the second analysis, under a name that is hard to get right."""
    path = tmp_path_factory.mktemp("crates") / f"crate of \u00fc {'x' * 100}.zip"
    ran = chain.run("package", "s/second", "-o", path)
    assert "Packed s/second@1" in ran.stdout and not ran.stderr
    return path


def read(crate: Path, name: str) -> bytes:
    with zipfile.ZipFile(crate) as opened:
        return opened.read(name)


def packed(crate: Path) -> dict[str, dict[str, Any]]:
    """Return what the crate says of each file, by its path in the crate or its own."""
    files = json.loads(read(crate, "asimov-crate.json"))["files"]
    return {each.get("place") or each["path"]: each for each in files}


@pytest.mark.long
def test_the_validator_of_ro_crates_accepts_it(crate: Path, tmp_path: Path) -> None:
    plain = tmp_path / "crate.zip"  # its base URI may have no spaces
    plain.symlink_to(crate)
    found = issues(plain, tmp_path / "cache")
    assert not [text for level, text in found if level == "REQUIRED"]
    assert not [text for _, text in found if not any(each in text for each in UNKNOWN)]


def test_it_has_inputs_configuration_products_logs_and_records(chain: Chain, crate: Path) -> None:
    expected = {
        "project/scripts/run.sh": chain.root / "scripts" / "run.sh",
        "upstream/s/first/y": chain.root / "working" / "s" / "first" / "y",
        "configuration/second.ini": chain.root / "checkouts" / "s" / "analyses" / "second.ini",
        f"products/{ODD}": chain.root / "results" / "s" / "second" / ODD,
        "logs/job.log": chain.root / "working" / "s" / "second" / "job.log",
    }
    said = packed(crate)
    for name, path in expected.items():
        assert read(crate, name) == path.read_bytes()
        assert said[name]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert said[name]["size"] == path.stat().st_size
    assert json.loads(read(crate, "asimov-provenance.json"))["analysis"] == "s/second"
    upstream = json.loads(read(crate, "upstream/s/first/asimov-provenance.json"))
    assert upstream["analysis"] == "s/first" and upstream["end"]["exit_code"] == 0
    assert said["/bin/sh"]["why"] == "it is software of the machine"
    documents = list(yaml.safe_load_all(read(crate, "blueprint.yaml")))
    subject, first, second = documents
    assert subject == {"kind": "subject", "name": "s", "colour": "red"}
    assert (first["name"], first["status"]) == ("first", "uploaded")
    assert (second["gain"], second["needs"]) == (2, ["first"])


def test_the_description_names_every_file_of_the_crate(crate: Path) -> None:
    graph = json.loads(read(crate, "ro-crate-metadata.json"))["@graph"]
    known = {each["@id"]: each for each in graph}
    with zipfile.ZipFile(crate) as opened:
        inside = set(opened.namelist()) - {"ro-crate-metadata.json"}
    assert {unquote(each["@id"]) for each in known["./"]["hasPart"]} == inside
    (action,) = [each for each in graph if each.get("name") == "Run of s/second@1"]
    assert action["instrument"] == known["./"]["mainEntity"] == {"@id": "blueprint.yaml"}
    assert action["actionStatus"] == "http://schema.org/CompletedActionStatus"
    assert [each for each in graph if each.get("name") == "Run of s/first@1"]


def test_hashes_only_leaves_out_the_products(chain: Chain, tmp_path: Path) -> None:
    folder = tmp_path / "crate"
    chain.run("package", "s/second", "-o", folder, "--hashes-only")
    assert not (folder / "products").exists()
    said = json.loads((folder / "asimov-crate.json").read_text())["files"]
    (product,) = [each for each in said if each["role"] == "product"]
    stored = chain.root / "results" / "s" / "second" / ODD
    assert product["sha256"] == hashlib.sha256(stored.read_bytes()).hexdigest()
    assert (folder / "project" / "scripts" / "run.sh").is_file()


def test_nothing_is_overwritten_and_nothing_is_left(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "there.zip").write_text("mine")
    ran = chain.run("package", "s/second", "-o", tmp_path / "there.zip", code=1)
    assert "there.zip: already exists" in ran.stderr
    ran = chain.run("package", "s/second", "-o", tmp_path / "no" / "such.zip", code=1)
    assert f"No such file or directory\n  there is no folder {tmp_path / 'no'}:" in ran.stderr
    for place in ("results/s/second/x.zip", "results/new.zip", "ledger/x", ".asimov/x.zip"):
        ran = chain.run("package", "s/second", "-o", chain.root / place, code=1)
        assert "where only asimov may write\n  choose a place outside of it" in ran.stderr
        assert not (chain.root / place).exists()
    assert [path.name for path in tmp_path.iterdir()] == ["there.zip"]
    assert (tmp_path / "there.zip").read_text() == "mine"
    assert "is not the name of an analysis" in chain.run("package", "second", code=1).stderr
    for wrong in (("-o", "-"), ("-o", ""), ("--license", "nonsense"), ("--license", "ftp://x.y/")):
        chain.run("package", "s/second", *wrong, code=2, cwd=chain.root)


@pytest.fixture
def mixed(lab: Any, tmp_path: Path) -> Any:
    """Analyses with inputs of every kind: in the project, outside, behind a link, in a folder."""
    inside, outside = lab.root / "data", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "a.txt").write_text("a\n")
    (inside / ".hidden").write_text("h\n")
    (inside / "deep").mkdir()
    (inside / "deep" / "b \u00e9.txt").write_text("b\n")
    (outside / "c.txt").write_text("c\n")
    (lab.root / "later.txt").write_text("1\n")
    (lab.root / "gone.txt").write_text("1\n")
    (lab.root / "link").symlink_to(outside / "c.txt")
    shell = "pipeline: command, executable: /bin/sh, outputs: {y: y}"
    lab.apply(
        f"all, {shell}, arguments: [-c, 'echo 1 > y', x, '{{{{ project_root }}}}/data', "
        f"'{outside}/c.txt', later.txt, gone.txt]",
        f"linked, {shell}, arguments: [-c, 'echo 1 > y', x, link]",
    )
    lab.finish()
    return lab


def test_what_can_not_be_packed_is_named_with_its_reason(mixed: Any, tmp_path: Path) -> None:
    (mixed.root / "later.txt").write_text("2\n")
    (mixed.root / "gone.txt").unlink()
    shutil.rmtree(mixed.root / "results" / "s" / "all")
    ran = mixed.run("package", "s/all", "-o", tmp_path / "all.zip")
    assert "the input later.txt is left out: it has changed since" in ran.err
    assert "the input gone.txt is left out: it no longer exists" in ran.err
    assert "the input data/.hidden is left out: a crate can't contain hidden files" in ran.err
    # Of a result that the store has lost, the run directory has the products.
    unrecorded = "from the run directory: it is not recorded in the results store"
    assert f"note: the product y is {unrecorded}" in ran.err
    said = packed(tmp_path / "all.zip")
    assert said["products/y"]["note"] == unrecorded
    assert read(tmp_path / "all.zip", "products/y") == b"1\n"
    assert unrecorded in read(tmp_path / "all.zip", "README.md").decode()
    assert read(tmp_path / "all.zip", "project/data/a.txt") == b"a\n"
    assert read(tmp_path / "all.zip", "project/data/deep/b \u00e9.txt") == b"b\n"
    (outside,) = [each for each in said.values() if each["path"] == f"{tmp_path}/outside/c.txt"]
    assert read(tmp_path / "all.zip", outside["place"]) == b"c\n"
    # The configuration is that of the run, although it was built again since.
    config = mixed.config("all")
    before = config.read_text()
    config.write_text("changed\n")
    mixed.run("package", "s/all", "-o", tmp_path / "again.zip")
    assert read(tmp_path / "again.zip", "configuration/all.ini").decode() == before


def test_a_link_that_leaves_the_project_is_refused(mixed: Any, tmp_path: Path) -> None:
    ran = mixed.run("package", "s/linked", "-o", tmp_path / "linked.zip", code=1)
    assert "link: leads out of the project through a symbolic link" in ran.err
    assert not (tmp_path / "linked.zip").exists()
    mixed.apply("new")
    ran = mixed.run("package", "s/new", code=1)
    assert "s/new has not run" in ran.err


def test_products_that_are_not_stored_come_from_the_run_directory(lab: Any, tmp_path: Path) -> None:
    shell = "pipeline: command, executable: /bin/sh"
    made = "outputs: {x: x, d: d}, arguments: [-c, 'echo 1 > x; mkdir d; echo 2 > d/y']"
    lab.apply(f"one, {shell}, {made}", f"failed, {shell}, outputs: {{x: x}}, arguments: [-c, 'no']")
    lab.finish(code=3)
    assert lab.states() == {"one": "uploaded", "failed": "stuck"}
    crate = tmp_path / "one.zip"

    def pack(code: int = 0) -> str:
        crate.unlink(missing_ok=True)
        return str(lab.run("package", "s/one", "-o", crate, code=code).err)

    # A manifest that is gone.
    (lab.root / "results" / "s" / "one" / "manifest.json").unlink()
    assert "note: the product x is from the run directory" in pack()
    assert read(crate, "products/x") + read(crate, "products/d/y") == b"1\n2\n"
    # A run directory that was moved aside.
    lab.run("production", "set", "s/one", "--status", "restart")
    lab.run("monitor")
    assert "note: the product d/y is from the run directory" in pack()
    assert set(packed(crate)) >= {"products/x", "products/d/y"}
    # Nothing is left anywhere: no crate without the products of a run that was complete.
    for each in (lab.root / "working" / "s").glob("one*"):
        shutil.rmtree(each)
    assert "the products of s/one@1 are missing from the results store" in pack(code=1)
    assert not crate.exists()
    # A run that failed has none.
    said = lab.run("package", "s/failed", "-o", tmp_path / "failed.zip").err
    assert "note: the analysis has no products" in said


def test_a_damaged_product_is_left_out_aloud_and_matches_nothing(lab: Any, tmp_path: Path) -> None:
    shell = "mkdir d; echo 1 > d/a; ln -s a d/l; ln -s d e; echo 2 > y"
    lab.apply(
        "one, pipeline: command, executable: /bin/sh, outputs: {y: y, d: d, e: e}, "
        f"arguments: [-c, '{shell}']"
    )
    lab.finish()
    crate, folder = tmp_path / "one.zip", tmp_path / "one"
    lab.run("package", "s/one", "-o", crate)
    lab.run("package", "s/one", "-o", folder)
    for each in (crate, folder):
        assert "matches: 3 products, byte for byte" in lab.run("diff", each).out
    # In the crate.
    (folder / "products" / "y").write_text("3\n")
    told = lab.run("diff", folder).out
    assert "y: damaged in the crate: products/y has changed since it was packed -> " in told
    assert told.endswith("the outcome differs: 1 of 3 products\n")
    # In the store, while the run directory is whole.
    stored = lab.root / "results" / "s" / "one" / "y"
    stored.chmod(0o644)
    stored.write_text("3\n")
    told = lab.run("diff", crate).out
    assert " -> damaged in the results: its checksum differs\n" in told
    lab.run("package", "s/one", "-o", tmp_path / "copy.zip")
    assert read(tmp_path / "copy.zip", "products/y") == b"2\n"
    # Nowhere is a copy.
    (lab.rundir("one") / "y").unlink()
    lacking = tmp_path / "lacking.zip"
    ran = lab.run("package", "s/one", "-o", lacking, code=1)
    assert (
        "lacking.zip: it is packed without 1 of 3 products: y: it has changed since it was stored"
        in ran.err
    )
    assert (
        "- the product `y`: it has changed since it was stored"
        in read(lacking, "README.md").decode()
    )
    assert packed(lacking)["y"]["why"] == "it has changed since it was stored"
    stored.unlink()
    ran = lab.run("package", "s/one", "-o", tmp_path / "gone.zip", code=1)
    assert "y: it is missing from the results" in ran.err
    lab.run("package", "s/one", "-o", tmp_path / "hashes.zip", "--hashes-only")
    stored.write_text("2\n")
    told = lab.run("diff", tmp_path / "hashes.zip").out
    assert told.endswith("matches: 3 products, by their recorded checksums\n")
    told = lab.run("diff", lacking).out
    assert told.endswith(
        "byte for byte, except for 1, of which only the recorded checksum exists\n"
    )
