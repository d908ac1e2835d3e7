"""Folders and commands that published packages, and their users' scripts, rely on."""

from __future__ import annotations

import configparser
import subprocess
from pathlib import Path

import pytest

from tests.lab import Lab


def test_folders_are_where_packages_look(lab: Lab) -> None:
    """`checkouts/<event>/analyses/<name>.ini` (in git), `working/<event>/<name>/`, ..."""
    lab.apply("a")
    lab.finish()
    assert lab.config("a") == lab.root / "checkouts" / "s" / "analyses" / "a.ini"
    git = ["git", "-C", lab.root / "checkouts", "ls-files", "s/analyses"]
    listed = subprocess.run(git, capture_output=True, text=True, check=True)
    assert listed.stdout.split() == ["s/analyses/a.ini"]
    assert (lab.root / "working" / "s" / "a" / "result.txt").is_file()
    assert (lab.root / "results" / "s" / "a" / "result.txt").is_file()
    assert (lab.root / "logs").is_dir()
    config = configparser.ConfigParser()
    assert config.read(lab.root / ".asimov" / "asimov.conf")
    lab.run("report", "html")
    assert (lab.root / "pages" / "index.html").is_file()


def test_init_takes_a_name(tmp_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """`asimov init NAME`."""
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    lab.run("init", "Another project")
    assert (tmp_path / "other" / ".asimov" / "asimov.conf").is_file()


def test_the_configuration_is_shown_and_updated(lab: Lab) -> None:
    """`asimov configuration show|update section/key value`."""
    lab.run("configuration", "update", "general/webroot", "elsewhere")
    assert "elsewhere" in lab.run("configuration", "show", "general/webroot").out
    assert "elsewhere" in lab.run("configuration", "show").out


def test_analyses_are_applied_to_an_event(lab: Lab) -> None:
    """`asimov apply -f FILE [-e EVENT]`."""
    path = lab.root / "one.yaml"
    path.write_text("{kind: event, name: GW1}\n")
    lab.run("apply", "-f", path)
    path.write_text("{kind: analysis, name: a, pipeline: simpletestpipeline}\n")
    lab.run("apply", "-f", path, "-e", "GW1")
    assert "a" in lab.states()


@pytest.mark.parametrize("dry", ["--dryrun", "--dry-run"])
def test_manage_builds_and_submits_those_of_an_event(lab: Lab, dry: str) -> None:
    """`asimov manage build|submit [--event E] [--dryrun]` (and `--dry-run`)."""
    lab.apply("a")
    for command in ("build", "submit"):
        lab.run("manage", command, "--event", "s", dry)
        assert lab.states() == {"a": "ready"}
        assert not lab.rundir("a").exists()
        lab.run("manage", command, "--event", "s")
    assert lab.states() == {"a": "running"}
    lab.until("a")
    lab.run("monitor")
    assert lab.states() == {"a": "uploaded"}


def test_the_monitor_goes_on_with_what_has_become_ready(lab: Lab) -> None:
    """`asimov monitor [--chain]`."""
    lab.apply("a")
    lab.run("monitor")
    assert lab.states() == {"a": "ready"}
    lab.run("monitor", "--chain")
    assert lab.states() == {"a": "running"}


def test_the_monitor_starts_and_stops(lab: Lab) -> None:
    """`asimov start|stop`."""
    lab.run("start")
    lab.run("stop")


def test_the_report_of_states_has_name_pipeline_and_status_in_that_order(lab: Lab) -> None:
    """`asimov report status` (a line an analysis: name, pipeline, status in that order)."""
    lab.apply("a")
    told = [line.split() for line in lab.run("report", "status").out.splitlines()]
    assert ["a", "simpletestpipeline", "ready"] in told


def test_a_person_sets_a_state_and_gives_a_review(lab: Lab) -> None:
    """`asimov production set EVENT NAME --status S`, `asimov review add`."""
    lab.apply("a")
    lab.run("production", "set", "s", "a", "--status", "wait")
    assert lab.states() == {"a": "wait"}
    lab.run("review", "add", "s", "a", "approved", "-m", "looks well")
    assert "approved" in lab.run("review", "status", "s").out


@pytest.mark.parametrize("kind", ["htcondor", "local"])
def test_the_scheduler_is_named_in_the_configuration(lab: Lab, kind: str) -> None:
    """`[scheduler] type` is `htcondor`, `local` or `slurm`."""
    lab.run("configuration", "update", "scheduler/type", kind)
    assert lab.open().scheduler().name == kind


@pytest.mark.parametrize("kind", ["slurm", "nowhere"])
def test_a_missing_scheduler_stops_only_what_needs_it(lab: Lab, kind: str) -> None:
    """A missing scheduler is no reason for a command to fail that does not need it."""
    lab.apply("a")
    path = lab.root / ".asimov" / "asimov.conf"  # by hand: 'configuration update' refuses it
    path.write_text(path.read_text().replace("type = local", f"type = {kind}"))
    for command in (
        "status", "report status", "report html", "manage build", "log", "ledger show s a",
        "production show s a", "apply -f blueprint.yaml", "review add s a approved",
        "configuration show", "why s a",
    ):  # fmt: skip
        lab.run(*command.split())
    ran = lab.asimov("manage", "submit")
    assert ran.code != 0
    assert f"there is no scheduler '{kind}'" in ran.out + ran.err
    assert "Traceback" not in ran.err
    assert lab.states() == {"a": "ready"}
