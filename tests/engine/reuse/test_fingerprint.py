"""The fingerprint: what it depends on, and what not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asimov.engine.provenance.commands import Command
from asimov.engine.provenance.record import Layer, Provenance, UsedFile
from asimov.engine.reuse.fingerprint import fingerprint

Make = Callable[..., str]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that gives the fingerprint of an analysis."""

    def made(
        name: str = "prod0",
        configuration: str = "label = {name}\noutdir = {rundir}\npsd = {psd}\n",
        settings: dict[str, Any] | None = None,
        psd: str = "working/s/psd/psd.dat",
        sha256: str | None = "ab" * 32,
        seed: int | None = None,
        root: str = "project",
        **found: Any,
    ) -> str:
        project = tmp_path / root
        project.mkdir(exist_ok=True)
        rundir = project / "working" / "s" / name
        file = project / f"{name}.ini"
        names = {"name": name, "rundir": rundir, "psd": project / psd}
        file.write_text(configuration.format(**names))
        given = {"waveform": "IMR", "rundir": str(rundir), **(settings or {})}
        analysis: Any = SimpleNamespace(
            name=name,
            rundir=str(rundir),
            config_file=str(file),
            inputs=[],
            workspace=SimpleNamespace(project=SimpleNamespace(root=project)),
        )
        files = [
            UsedFile(f"{name}.ini", "configuration", "cd" * 32),
            UsedFile(psd, "input", sha256),
        ]
        commands = [Command(f"{name}.sub", "/bin/x", f"--config {file} --out {rundir}/{name}")]
        record = Provenance(
            f"uid of {name}", f"s/{name}", 1, "ada", "now", "host", "local", "", "1.0", "p", "p==1",
            "ledger", [Layer("analysis", "")], seed, commands, files,
            **found,
        )  # fmt: skip
        return fingerprint(analysis, record, given, file.read_bytes())

    return made


def test_name_folders_host_and_paths_of_inputs_do_not_count(make: Make) -> None:
    first = make()
    assert len(first) == 64
    assert make("other") == first
    assert make(root="moved", psd="results/s/psd/psd.dat") == first
    assert make(settings={"labels": ["x"], "scheduler": {"memory": 1}, "reuse": True}) == first


def test_what_changes_the_products_counts(make: Make) -> None:
    different = [
        make(),
        make(sha256="ef" * 32),
        make(settings={"waveform": "SEOB"}),
        make(configuration="label = {name}\nextra = 1\n{psd}"),
        make(software={"/env": "digest"}),
        make(image="image@sha256:1"),
        make(settings={"seed": 3}),
    ]
    assert len(set(different)) == len(different)


def test_a_name_that_is_also_a_value_is_taken_for_one(make: Make) -> None:
    text = "waveform = {name}\n"
    one = make("IMR", text, {"waveform": "IMR"})
    other = make("SEOB", text, {"waveform": "SEOB"})
    assert one != other
    # Even where a setting says nothing of it, but the other's name is a value of it.
    assert make("IMR", text) != make("prod0", text)


def test_a_drawn_seed_does_not_count_and_a_chosen_one_does(make: Make) -> None:
    first = make("a", "seed = 1234567", seed=1234567)
    assert first == make("b", "seed = 7654321", seed=7654321)
    assert first != make("a", "seed = 1234567", seed=7654321)
    one, other = ({"seed": seed} for seed in (1234567, 7654321))
    assert make(settings=one, seed=1234567) != make(settings=other, seed=7654321)


def test_where_the_content_of_a_file_is_not_known_there_is_none(make: Make) -> None:
    assert make(sha256=None) == ""
