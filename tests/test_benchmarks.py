"""The benchmarks run, and measure what they say: small here, without a look at the times."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
FIGURES = {"apply", "manage build", "manage submit", "idle monitor pass", "status --json"}


def run(*arguments):
    return subprocess.run(
        [sys.executable, BENCHMARKS / "run.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    file = tmp_path_factory.mktemp("benchmarks") / "figures.json"
    done = run("--sizes", 10, 20, "--repeats", 1, "--json", file)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads(file.read_text())


def test_every_figure_is_measured_for_every_size_and_layout(ran):
    _, results = ran
    places = [(life["layout"], life["analyses"]) for life in results["lives"]]
    assert places == [
        ("10 a subject", 10), ("10 a subject", 20),
        ("one subject", 10), ("one subject", 20),
        ("one subject, waiting", 10), ("one subject, waiting", 20),
    ]  # fmt: skip
    for life in results["lives"]:
        assert set(life["figures"]) == FIGURES
        for figure in life["figures"].values():
            assert 0 < figure["lowest"] <= figure["seconds"] <= figure["highest"]
            assert figure["memory_mb"] > 1
            assert figure["samples"] >= 1


def test_every_analysis_is_applied_built_submitted_and_seen_running(ran):
    _, results = ran
    steps = ("applied", "built", "submitted", "seen running")
    for life in results["lives"]:
        number = life["analyses"]
        if life["layout"] == "one subject, waiting":  # for the one that runs
            assert [life["counts"][step] for step in steps] == [number, 1, 1, 1]
        else:
            assert [life["counts"][step] for step in steps] == [number] * 4


def test_growth_is_reported_for_every_figure(ran):
    output, results = ran
    assert {each["figure"] for each in results["growth"]} == FIGURES
    assert {(each["from"], each["to"]) for each in results["growth"]} == {(10, 20)}
    assert "growth to 20" in output


def test_help_is_measured_against_the_import_of_click(ran):
    _, results = ran
    assert results["help"]["asimov"]["seconds"] > 0
    assert results["help"]["import click"]["seconds"] > 0
    assert results["help"]["ratio"] > 0


def test_the_output_says_that_the_schedulers_cost_is_left_out(ran):
    output, _ = ran
    assert "a real scheduler's part comes on top" in output


def test_a_command_that_fails_ends_the_benchmark_with_what_it_said(tmp_path):
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "asimov"
    program.write_text("#!/bin/sh\necho 'out of order'; exit 3\n")
    program.chmod(0o755)
    done = run(
        "--sizes", 1, "--layouts", "one subject", "--repeats", 1, "--against", tmp_path,
        "--against-sizes", 1,
    )  # fmt: skip
    assert done.returncode == 1
    assert "exit code 3" in done.stderr
    assert "out of order" in done.stderr


def test_growth_of_a_square_is_two(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import report

    lives = [
        {"layout": "x", "analyses": n, "figures": {"apply": {"seconds": float(n * n)}}}
        for n in (1000, 10, 100)
    ]
    grown = report.growth(lives)
    assert [(each["from"], each["to"]) for each in grown] == [(10, 100), (100, 1000)]
    assert [each["exponent"] for each in grown] == pytest.approx([2, 2])
