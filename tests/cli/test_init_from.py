"""``asimov init --from``: rerun a package elsewhere, and refuse what a stranger may have put in."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asimov.engine.provenance.crates import reading
from asimov.engine.provenance.crates.reading import open_crate
from asimov.errors import AsimovError
from tests.chain import ODD, Chain, chain, finish
from tests.lab import lab

__all__ = ["chain", "lab"]


@pytest.fixture(scope="module")
def crates(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the crate of the second analysis, as a zip file and as a folder."""
    folder = tmp_path_factory.mktemp("crates")
    chain.run("package", "s/second", "-o", folder / "second.zip")
    chain.run("package", "s/second", "-o", folder / "second")
    return folder


@pytest.fixture
def taken_in(chain: Chain, tmp_path: Path) -> Callable[..., Any]:
    """Make a project of a crate in a new folder: ``taken_in(crate, code=1)``."""

    def take(crate: Path, *options: object, code: int = 0) -> Any:
        root = tmp_path / "elsewhere"
        how = ("--root", root, "--scheduler", "local", *options)
        return chain.run("init", "--from", crate, *how, code=code, cwd=tmp_path)

    return take


@pytest.fixture
def copy(crates: Path, tmp_path: Path) -> Path:
    """A crate in a folder, for the test to change."""
    return Path(shutil.copytree(crates / "second", tmp_path / "crate"))


RECORD = "asimov-provenance.json"


def rewrite(crate: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Change what a crate says that it contains, and all checksums, as a stranger would."""
    file, about = crate / "asimov-crate.json", crate / "ro-crate-metadata.json"
    said, described = json.loads(file.read_text()), json.loads(about.read_text())
    said["sums"]["blueprint.yaml"] = sha256(crate / "blueprint.yaml")
    change(said)
    file.write_text(json.dumps(said))
    (entity,) = [each for each in described["@graph"] if each["@id"] == file.name]
    entity["sha256"] = sha256(file)
    about.write_text(json.dumps(described))
    return crate


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def nothing_made(tmp_path: Path) -> bool:
    return not (tmp_path / "elsewhere").exists()


def test_a_package_is_rerun_elsewhere_and_the_outcome_matches(
    crates: Path, chain: Chain, taken_in: Callable[..., Any], tmp_path: Path
) -> None:
    ran = taken_in(crates / "second.zip")
    assert "add    analysis s/second" in ran.stdout and not ran.stderr
    assert "Created the project 'Chain'" in ran.stdout
    there = Chain(tmp_path / "elsewhere")
    # Nothing has run yet, and what others made is there.
    assert not (there.root / "working" / "s" / "second").exists()
    states = {each["name"]: each["status"] for each in json.loads(there.out("status", "--json"))}
    assert states == {"first": "uploaded", "second": "ready"}
    there.run("store", "verify")
    assert (there.root / "scripts" / "run.sh").read_bytes() == (
        chain.root / "scripts" / "run.sh"
    ).read_bytes()
    there.run("manage", "build", "submit")
    finish(there)
    assert there.out("diff", crates / "second.zip") == (
        "second.zip: s/second@1 and s/second@1: no difference in settings, files, commands, "
        "software, place and products\nthe outcome matches: 1 product, byte for byte\n"
    )
    # The record of what was made there has come along.
    assert "s/first@1" in there.out(
        "provenance", "--file", "results/s/first/asimov-provenance.json"
    )
    from_crate = "s/first@1\n  taken from    the crate second.zip of the project 'Chain'\n"
    told = there.out("provenance", "s/second")
    assert "bytes, of s/first@1\n" in told and f"\n\n{from_crate}" in told
    assert there.out("provenance", "s/first").startswith(from_crate)
    assert "its results come from the crate second.zip" in there.out("why", "s/first")
    again = there.run("package", "s/second", "-o", "again.zip")
    assert not again.stderr
    with zipfile.ZipFile(there.root / "again.zip") as opened:
        assert "upstream/s/first/y" in opened.namelist()
    (there.root / "scripts" / "run.sh").write_text(f"echo other > '{ODD}'\n")
    there.run("production", "set", "s", "second", "--status", "restart")
    finish(there)
    told = there.out("diff", crates / "second", "s/second")
    assert "files:\n  scripts/run.sh: " in told
    assert told.endswith("the outcome differs: 1 of 1 product\n")
    found = json.loads(there.out("diff", crates / "second", "s/second@1", "--json"))
    assert found["differences"] == []


def test_a_killed_command_is_called_again(
    crates: Path, taken_in: Callable[..., Any], tmp_path: Path
) -> None:
    program = (
        "import os, signal, sys\nfrom asimov.cli import init\n"
        "init.{} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "init.command.main(sys.argv[1:], standalone_mode=False)\n"
    )
    root = tmp_path / "elsewhere"
    how = ["--from", str(crates / "second.zip"), "--root", str(root), "--scheduler", "local"]
    for stage in ("create", "_take_in"):
        done = subprocess.run(
            [sys.executable, "-c", program.format(stage), *how], cwd=tmp_path, check=False
        )
        assert done.returncode == -signal.SIGKILL
    ran = taken_in(crates / "second.zip", code=1)
    assert "'asimov apply -f blueprint.yaml' completes it" in ran.stderr
    assert "add    analysis s/second" in Chain(root).out("apply", "-f", "blueprint.yaml")


def test_the_folder_may_have_files_and_a_name_of_its_own(
    crates: Path, taken_in: Callable[..., Any], tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere" / "scripts" / "run.sh"
    other.parent.mkdir(parents=True)
    other.write_text("mine\n")
    ran = taken_in(crates / "second", code=1)
    assert "run.sh: already exists, and differs from the file in the crate" in ran.stderr
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["scripts"]
    shutil.copy(crates / "second" / "project" / "scripts" / "run.sh", other)
    assert "Created the project 'Mine'" in taken_in(crates / "second", "Mine").stdout
    ran = taken_in(crates / "second", code=1)
    assert "this folder already contains a project" in ran.stderr


def test_what_has_changed_is_refused(
    copy: Path, crates: Path, taken_in: Callable[..., Any], tmp_path: Path
) -> None:
    for name in (
        "project/scripts/run.sh", "upstream/s/first/y", "asimov-provenance.json",
        "asimov-crate.json", "blueprint.yaml",
    ):  # fmt: skip
        before = (copy / name).read_bytes()
        for after in (before + b"x", before[:-1], b"x" * len(before)):
            (copy / name).write_bytes(after)
            ran = taken_in(copy, code=1)
            assert f"{name} has changed since it was packed" in ran.stderr
        (copy / name).unlink()
        assert f"no {name}" in taken_in(copy, code=1).stderr
        (copy / name).write_bytes(before)
    cut = tmp_path / "cut.zip"
    cut.write_bytes((crates / "second.zip").read_bytes()[:-400])
    assert "is not a readable zip file" in taken_in(cut, code=1).stderr
    assert nothing_made(tmp_path)


def test_a_folder_that_can_not_be_made_leaves_no_half_of_a_project(
    crates: Path, taken_in: Callable[..., Any], tmp_path: Path
) -> None:
    for folder, why in (
        ("/proc/no", "/proc/no: can't be created"),
        ("..", "the folder for stored results can't be the project's folder, or contain"),
        (".", "the folder for stored results can't be the project's folder, or contain"),
        ("ledger/x", "the folder for stored results can't be inside the folder for the ledger"),
        ("working", "can't be inside the folder for"),
    ):
        ran = taken_in(crates / "second", "Mine", "--results", folder, code=1)
        assert why in ran.stderr, ran.stderr
        assert nothing_made(tmp_path)


def test_what_is_no_crate_is_refused(
    chain: Chain, taken_in: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    assert "it has no asimov-crate.json" in taken_in(tmp_path / "empty", code=1).stderr
    (tmp_path / "text.zip").write_text("text")
    assert "is not a readable zip file" in taken_in(tmp_path / "text.zip", code=1).stderr
    os.mkfifo(tmp_path / "pipe")
    assert "is not a crate" in taken_in(tmp_path / "pipe", code=1).stderr
    assert "No such file" in taken_in(tmp_path / "none", code=1).stderr
    assert "none.zip: can't be read: No such file" in chain.run("diff", "none.zip", code=1).stderr
    assert nothing_made(tmp_path)


def with_member(crates: Path, path: Path, name: str, data: bytes = b"", mode: int = 0) -> Path:
    """Make a zip file of the crate with one more member."""
    shutil.copy(crates / "second.zip", path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as crate:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        crate.writestr(info, data, zipfile.ZIP_DEFLATED)
    return path


@pytest.mark.parametrize(
    ("name", "mode", "why"),
    [
        ("../outside", 0, "isn't allowed as a path in a crate"),
        ("/tmp/outside", 0, "isn't allowed as a path in a crate"),
        ("project/../../outside", 0, "isn't allowed as a path in a crate"),
        ("project/.git/config", 0, "isn't allowed as a path in a crate"),
        ("project/link", stat.S_IFLNK | 0o777, "is a link or a device"),
        ("project/device", stat.S_IFCHR | 0o666, "is a link or a device"),
    ],
)
def test_a_zip_file_with_hostile_members_is_refused(
    crates: Path, taken_in: Callable[..., Any], tmp_path: Path, name: str, mode: int, why: str
) -> None:
    ran = taken_in(with_member(crates, tmp_path / "bad.zip", name, b"/etc", mode), code=1)
    assert why in ran.stderr and "bad.zip" in ran.stderr
    assert nothing_made(tmp_path)


def test_zip_bombs_second_names_and_encrypted_files_are_refused(
    crates: Path, taken_in: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = with_member(crates, tmp_path / "twice.zip", "blueprint.yaml", b"{}")
    assert "contains blueprint.yaml twice" in taken_in(twice, code=1).stderr
    bomb = with_member(crates, tmp_path / "bomb.zip", "project/zeros", b"0")
    written = bomb.read_bytes()
    # The directory at the end says what a member unpacks to: 4 GB and more of it.
    at = written.rindex(b"PK\x01\x02")
    large = written[: at + 24] + b"\xf0\xff\xff\xff" + written[at + 28 :]
    bomb.write_bytes(large)
    assert "would unpack to 4294 MB" in taken_in(bomb, code=1).stderr
    secret = tmp_path / "secret.zip"
    secret.write_bytes(written[: at + 8] + b"\x01\x00" + written[at + 10 :])
    assert "project/zeros is encrypted" in taken_in(secret, code=1).stderr
    assert nothing_made(tmp_path)


def test_a_zip_file_may_have_so_many_members(
    crates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = with_member(crates, tmp_path / "many.zip", "project/one more")
    with zipfile.ZipFile(many) as archive:
        monkeypatch.setattr(reading, "_MOST_FILES", len(archive.infolist()) - 1)
    with pytest.raises(AsimovError, match="has more than") as refused, open_crate(many):
        pass
    assert refused.value.where == many
    with open_crate(crates / "second.zip"):
        pass


def test_a_folder_with_links_is_refused(
    copy: Path, taken_in: Callable[..., Any], tmp_path: Path
) -> None:
    script = copy / "project" / "scripts" / "run.sh"
    script.rename(tmp_path / "run.sh")
    script.symlink_to(tmp_path / "run.sh")
    assert "run.sh is a link, or behind one" in taken_in(copy, code=1).stderr
    script.unlink()
    script.parent.rmdir()
    script.parent.symlink_to(tmp_path)
    assert "run.sh is a link, or behind one" in taken_in(copy, code=1).stderr
    assert nothing_made(tmp_path)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("path", "../../outside"),
        ("path", ".asimov/asimov.conf"),
        ("path", "ledger/project.yaml"),
        ("path", "checkouts/.git/hooks/post-commit"),
        ("path", "results/s/second/y"),
        ("place", "../secret"),
        ("place", "/etc/passwd"),
        ("size", 10**15),
        ("sha256", None),
        ("of", "../.."),
        ("of", "s"),
    ],
)
def test_a_crate_writes_nowhere_but_in_its_places(
    copy: Path, taken_in: Callable[..., Any], tmp_path: Path, where: str, value: object
) -> None:
    def change(said: dict[str, Any]) -> None:
        (each,) = [each for each in said["files"] if each["path"] == "scripts/run.sh"]
        each[where] = value

    ran = taken_in(rewrite(copy, change), code=1)
    assert ran.stderr.startswith(f"error: {copy}: ") and "bug" not in ran.stderr
    assert nothing_made(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["crate"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "{kind: configuration, hooks: {a: {}}}",
            "'hooks' is not allowed in the blueprint of a crate",
        ),
        (
            "{kind: configuration, x: 1}",
            "'configuration' is not allowed in the blueprint of a crate",
        ),
        (
            "{kind: subject, name: t, repository: /tmp/x}",
            "'repository' is not allowed in the blueprint of a crate",
        ),
        (
            "{kind: analysis, subject: s, name: a, pipeline: nosuch}",
            "the pipeline 'nosuch' is not installed",
        ),
        ("!!python/object/apply:os.system [touch /tmp/P-was-here]", "blueprint.yaml:"),
    ],
)
def test_a_blueprint_that_does_more_than_run_the_analysis_is_refused(
    copy: Path, taken_in: Callable[..., Any], tmp_path: Path, text: str, why: str
) -> None:
    with (copy / "blueprint.yaml").open("a") as stream:
        stream.write(f"---\n{text}\n")
    assert why in taken_in(rewrite(copy, lambda _: None), code=1).stderr
    assert nothing_made(tmp_path)


def test_modules_of_functions_are_imported_by_nobody_but_the_user(lab: Any, tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "ledger-examples" / "function"
    for name in ("data", "blueprints"):
        shutil.copytree(example / name, lab.root / name)
    imported = tmp_path / "imported"
    module = (example / "blobs.py").read_text()
    (lab.root / "blobs.py").write_text(f"open({str(imported)!r}, 'w').close()\n{module}")
    lab.run("configuration", "update", "functions/modules", "blobs")
    lab.run("apply", "-f", "blueprints/blobs.yaml")
    lab.finish()
    lab.run("package", "dishes/table", "-o", tmp_path / "table.zip")
    imported.unlink()
    root = tmp_path / "elsewhere"
    ran = lab.run("init", "--from", tmp_path / "table.zip", "--root", root, "--scheduler", "local")
    assert (
        "Nothing is applied yet, because that imports modules. First read blueprint.yaml" in ran.out
    )
    assert "'asimov configuration update functions/modules blobs' names them" in ran.out
    there = Chain(root)  # each command in a process of its own, which knows no function yet
    assert json.loads(there.out("status", "--json")) == []
    assert (root / "blobs.py").is_file() and not imported.exists()
    there.run("configuration", "update", "functions/modules", "blobs")
    there.run("apply", "-f", "blueprint.yaml")
    finish(there)
    told = there.out("diff", tmp_path / "table.zip")
    assert told.endswith("the outcome matches: 2 products, byte for byte\n")
    assert imported.exists()


def test_missing_inputs_and_other_software_are_named(
    copy: Path, taken_in: Callable[..., Any]
) -> None:
    def change(said: dict[str, Any]) -> None:
        said["files"] += [
            {"role": "input", "path": "/archive/far.gwf", "sha256": "00", "why": "it is gone"},
            {"role": "input", "path": "/bin/sh", "sha256": "00", "why": "it has changed since"},
        ]
        (record,) = [each for each in said["files"] if each.get("place") == RECORD]
        record["sha256"], record["size"] = replaced

    told = json.loads((copy / RECORD).read_text())
    told["asimov"], told["package"] = "0.1", "elsewhere==3"
    told["software"] = {"/nowhere/env": ["numpy==1", "scipy==2"]}
    for each in told["files"]:
        if each["role"] == "executable":
            each["sha256"] = "00"
    told["files"].append({"path": "/nowhere/bin/prog", "role": "executable", "sha256": "00"})
    told["image"] = "docker://python:3.12"
    data = json.dumps(told).encode()
    (copy / RECORD).write_bytes(data)
    replaced = hashlib.sha256(data).hexdigest(), len(data)
    (copy / "README.md").write_text("changed")
    rewrite(copy, change)
    rewrite(copy, lambda said: said["sums"].pop("blueprint.yaml"))
    ran = taken_in(copy)
    for expected in (
        "the crate has no checksum of blueprint.yaml, so it is not known whether it has changed",
        "README.md has changed since",
        "the input /archive/far.gwf is not available: it is gone",
        "the input /bin/sh is not available: it has changed since, and a different one is here",
        "asimov is 1", "and was 0.1", "the pipeline command is asimov==", "and was elsewhere==3",
        "the program /bin/sh is a different one here", "the program /nowhere/bin/prog is not here",
        "the environment /nowhere/env with 2 packages is not here", "docker://python:3.12",
    ):  # fmt: skip
        assert expected in ran.stderr, ran.stderr


MANY = """
{kind: configuration, quality: {low: 20}}
---
{kind: subject, name: s, quality: {high: 5}}
---
{kind: subject, name: t}
---
{kind: analysis, event: s, name: one, pipeline: command, executable: /bin/sh,
 arguments: [-c, "echo 1 > y"], outputs: {y: y}, labels: [good]}
---
{kind: analysis, event: t, name: one, pipeline: command, executable: /bin/sh,
 arguments: [-c, "echo 2 > y"], outputs: {y: y}}
---
{kind: analysis, event: s, name: "two@2", pipeline: command, executable: /bin/sh,
 arguments: [-c, 'cat "$0" "$1" > z', "{{ assets.y }}", FAR], template: t.ini,
 needs: ["label: good"], outputs: {z: z}, gain: 3}
---
{kind: projectanalysis, name: all, pipeline: command, executable: /bin/sh, subjects: [s, t],
 arguments: [-c, "cat {% for each in inputs %}{{ each.assets.y }} {% endfor %} > w"],
 analyses: [name: one], outputs: {w: w}}
"""


def test_templates_files_from_outside_and_project_analyses_come_along(
    lab: Any, tmp_path: Path
) -> None:
    far = tmp_path / "far.txt"
    far.write_text("far\n")
    (lab.root / "templates").mkdir()
    (lab.root / "templates" / "t.ini").write_text("{{ meta.gain }} {{ meta.quality.low }}\n")
    (lab.root / "many.yaml").write_text(MANY.replace("FAR", str(far)))
    lab.run("apply", "-f", "many.yaml")
    lab.finish()
    lab.run("package", "s/two@2", "-o", tmp_path / "two.zip")
    lab.run("package", "project-analyses", "all", "-o", tmp_path / "all")
    far.unlink()
    for crate, name in (("two.zip", "s/two@2"), ("all", "project-analyses/all")):
        root = tmp_path / f"of-{crate}"
        ran = lab.run("init", "--from", tmp_path / crate, "--root", root, "--scheduler", "local")
        assert f"runs {name} again" in ran.out and not ran.err
        until = ("--chain", "--until-idle", "--interval", "0.1", "--timeout", "300")
        lab.run("--project", root, "monitor", *until)
        told = json.loads(lab.run("--project", root, "diff", tmp_path / crate, "--json").out)
        assert told["outcome"] == "the outcome matches: 1 product, byte for byte"
        differing = {each["name"] for each in told["differences"]}
        # What it needs is named, since a label may find others; and so its configuration.
        assert differing <= {"needs", "analyses", "the configuration"}
