"""The benchmarks run, and measure what they say: small here, without a look at the times."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import preloaded

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
FIGURES = {"apply", "manage build", "manage submit", "idle monitor pass", "status --json"}
FIGURES |= {"completion"}


def run(*arguments, environment=None):
    """Run the benchmarks of this environment, or of one with other programs."""
    python = [sys.executable]
    if environment:
        python += ["-c", ELSEWHERE, environment]
    return subprocess.run(
        [*python, BENCHMARKS / "run.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


#: Runs a script as Python of another environment does.
ELSEWHERE = """
import runpy, sys
from pathlib import Path
sys.prefix = sys.argv[1]
sys.argv = sys.argv[2:]
sys.path[0] = str(Path(sys.argv[0]).parent)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """Make an environment whose program has asimov imported, and is soon done."""
    programs = tmp_path_factory.mktemp("environment") / "bin"
    programs.mkdir()
    (programs / "asimov").symlink_to(preloaded.programs() / "asimov")
    (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (programs / "python").chmod(0o755)
    return programs.parent


@pytest.fixture(scope="module")
def ran(quick, tmp_path_factory):
    file = tmp_path_factory.mktemp("benchmarks") / "figures.json"
    options = ["--sizes", 10, 20, "--passes", 1, "--minutes", 12, "--json", file]
    done = run(*options, environment=quick)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads(file.read_text())


@pytest.mark.long
def test_the_installed_program_is_measured(tmp_path):
    file = tmp_path / "figures.json"
    small = ["--parts", "lives", "--layouts", "one subject", "--sizes", 2, "--passes", 1]
    done = run(*small, "--json", file)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(file.read_text())
    (life,) = results["lives"]
    assert life["counts"] == life["expected"]
    click = results["help"]["import click"]
    for figure in life["figures"].values():  # each imports click, and more
        assert figure["memory_mb"] > click["memory_mb"] > 1
        assert figure["lowest"] > 0


@pytest.mark.long
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


@pytest.mark.long
def test_every_analysis_is_applied_built_submitted_and_seen_running(ran):
    _, results = ran
    steps = ("applied", "built", "submitted", "seen running")
    for life in results["lives"]:
        number = life["analyses"]
        if life["layout"] == "one subject, waiting":  # for the one that runs
            assert [life["counts"][step] for step in steps] == [number, 1, 1, 1]
        else:
            assert [life["counts"][step] for step in steps] == [number] * 4


@pytest.mark.long
def test_the_cost_of_records_and_verdicts_is_measured(ran):
    output, results = ran
    found = results["recording"]
    assert found.pop("analyses") == 20
    assert set(found["commands"]) == {
        *("manage submit", "idle monitor pass", "status --json", "idle pass, rerun: automatic"),
        *("why of one", "a pass in which all complete"),
    }
    for each in found["commands"].values():
        assert each["ratio"] > 0
        for side in found["sides"]:
            assert min(each[side].values()) > 0
    assert "20 analyses, processor time" in output


@pytest.mark.long
def test_growth_is_reported_for_every_figure(ran):
    output, results = ran
    assert {each["figure"] for each in results["growth"]} == FIGURES
    assert {(each["from"], each["to"]) for each in results["growth"]} == {(10, 20)}
    assert "growth to 20" in output


@pytest.mark.long
def test_help_is_measured_against_the_import_of_click(ran):
    _, results = ran
    assert results["help"]["asimov"]["seconds"] > 0
    assert results["help"]["import click"]["seconds"] > 0
    assert results["help"]["ratio"] > 0


@pytest.mark.long
def test_the_output_says_that_the_schedulers_cost_is_left_out(ran):
    output, _ = ran
    assert "a real scheduler's part comes on top" in output


@pytest.mark.long
def test_passes_in_which_all_complete_and_all_fail_are_measured_for_every_size(ran):
    output, results = ran
    changes = results["changes"]
    assert [(each["outcome"], each["analyses"], each["changed"]) for each in changes] == [
        ("complete", 10, 10), ("fail", 10, 10), ("complete", 20, 20), ("fail", 20, 20),
    ]  # fmt: skip
    assert all(each["seconds"] > 0 for each in changes)
    assert "20 of 20 complete" in output


@pytest.mark.long
def test_a_soak_has_figures_of_every_minute_and_something_happens_in_it(ran):
    output, results = ran
    samples = results["soak"]["samples"]
    assert [each["minute"] for each in samples] == list(range(1, 13))
    for each in samples:
        assert each["resident_mb"] > 1
        assert each["files"] > 0
        assert each["journal_mb"] > 0
        assert each["pauses"] >= 30 * each["minute"]
    # A job ends each minute, and its analysis moves twice for it.
    assert results["soak"]["events"] == 24
    assert "after 12 minutes" in output


@pytest.mark.long
def test_the_memory_of_each_process_of_a_service_is_measured(tmp_path):
    file = tmp_path / "figures.json"
    done = run("--parts", "service-memory", "--sizes", 20, "--minutes", 0, "--json", file)
    assert done.returncode == 0, done.stdout + done.stderr
    (sample,) = json.loads(file.read_text())["service memory"]["samples"]
    assert sample["minute"] == 0
    assert sample["service"] > 1
    assert "after 0 minutes" in done.stdout


def test_parts_that_a_scheduler_does_not_serve_are_refused():
    done = run("--parts", "submission")
    assert done.returncode == 2
    parts = "lives, changes, recording, service, service-protocols, service-memory, soak"
    assert f"null has {parts}\n" in done.stderr


@pytest.fixture
def tools(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)


def test_a_process_is_followed_to_the_most_files_it_had_open(tools, tmp_path):
    from measure import followed

    files = "f = [open('/dev/null') for _ in range(40)]"
    code = f"import time; {files}; print(flush=True); time.sleep(600)"
    said = tmp_path / "said"
    with followed([sys.executable, "-c", code], tmp_path, {}, said) as following:
        end = time.monotonic() + 120
        while following.files < 43 and time.monotonic() < end:
            time.sleep(0.01)
    assert 43 <= following.files < 60
    assert following.memory_mb > 1
    assert following.process.returncode != 0  # it was ended
    assert said.read_bytes().startswith(b"\n")


def test_a_traced_command_may_not_open_more_files_than_the_aim(tmp_path):
    script = BENCHMARKS / "inside" / "traced.py"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit\n"
        "def most():\n"
        "    import resource\n"
        "    print('limit', resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
        "atexit.register(most)\n"
    )
    done = subprocess.run(
        [sys.executable, script, tmp_path / "notes", "--version"],
        capture_output=True, text=True, timeout=300, check=True, env=environment,
    )  # fmt: skip
    assert "asimov" in done.stdout
    assert "limit 64" in done.stdout
    assert (tmp_path / "notes").read_text() == ""  # it asked nobody


def test_a_command_that_fails_ends_the_benchmark_with_what_it_said(quick, tmp_path):
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "asimov"
    program.write_text("#!/bin/sh\necho 'out of order'; exit 3\n")
    program.chmod(0o755)
    options = ["--scheduler", "local", "--parts", "--against", tmp_path, "--against-sizes", 1]
    done = run(*options, environment=quick)
    assert done.returncode == 1
    assert "exit code 3" in done.stderr
    assert "out of order" in done.stderr


def test_growth_of_a_square_is_two(tools):
    import report

    lives = [
        {"layout": "x", "analyses": n, "figures": {"apply": {"seconds": float(n * n)}}}
        for n in (1000, 10, 100)
    ]
    grown = report.growth(lives)
    assert [(each["from"], each["to"]) for each in grown] == [(10, 100), (100, 1000)]
    assert [each["exponent"] for each in grown] == pytest.approx([2, 2])
