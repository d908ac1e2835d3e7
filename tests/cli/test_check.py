"""``asimov plugins check``: what it prints, its exit codes, and what it takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asimov.ledger.documents import dump
from asimov.plugins.catalogue.scaffold import write_package
from asimov.testing.conformance.contracts import CONTRACTS
from asimov.testing.conformance.findings import Finding
from tests.searching import first


def test_a_package_in_a_folder_is_checked_and_left_as_it_is(
    asimov: Callable[..., Any], tmp_path: Path
) -> None:
    package = write_package("walks", "simple", tmp_path).folder
    before = sorted(package.rglob("*"))
    ran = asimov("plugins", "check", package, "--json")
    assert ran.code == 0, ran
    told = json.loads(ran.out)
    assert list(told) == ["walks"]
    assert {row["contract"]: row["holds"] for row in told["walks"]} == dict.fromkeys(
        CONTRACTS, True
    )
    assert told["walks"][0]["sentence"] == CONTRACTS["loads"].sentence
    assert sorted(package.rglob("*")) == before


@pytest.mark.long
def test_what_does_not_hold_is_told_with_its_sentence(
    asimov: Callable[..., Any], tmp_path: Path
) -> None:
    package = write_package("walks", "simple", tmp_path).folder
    source = package / "asimov_walks" / "pipeline.py"
    text = source.read_text()
    faulty = text.replace('name = "walks"', 'name = "walk"\n    log_patterns = ()')
    assert faulty != text
    faulty += "\n\n    def html(self):\n        config = self.production.workspace.project.config\n"
    faulty += "        raise ValueError('at ' + config.get('pipelines', 'environment'))\n"
    source.write_text(faulty)
    (package / "blueprint.yaml").unlink()
    ran = asimov("plugins", "check", package, "--config", "pipelines/environment=/opt/walks=1")
    assert ran.code == 1, ran
    assert "note: walks has no conformance.yaml or blueprint.yaml" in ran.err
    assert f"does not hold  name: {CONTRACTS['name'].sentence}\n" in ran.out
    assert "the entry point is 'walks', and the pipeline's name 'walk'" in ran.out
    assert "at /opt/walks=1" in ran.out, ran  # an option of the scratch projects
    assert "3 do not hold (name, asked-early, logs-found)\n" in ran.out


def test_a_name_goes_before_a_folder_that_is_called_so(
    asimov: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "command").mkdir()
    from asimov.testing.conformance import runner

    def check(
        *given: object, on_finding: Callable[[Finding], None], **named: object
    ) -> list[Finding]:
        on_finding(Finding("loads", True))
        return [Finding("loads", True)]

    monkeypatch.setattr(runner, "check", check)
    assert asimov("plugins", "check", "command").out == "holds          loads\ncommand: 1 hold\n"
    assert "there is no package here" in asimov("plugins", "check", "./command").err


@pytest.mark.long
def test_contracts_are_shown_as_soon_as_they_are_known(tmp_path: Path) -> None:
    go_on = tmp_path / "go on"
    settings = tmp_path / "settings.yaml"
    program = f"while [ ! -e '{go_on}' ]; do sleep 0.05; done; echo 1 > a.txt"
    settings.write_text(
        dump({"executable": "sh", "arguments": ["-c", program], "outputs": {"a": "a.txt"}})
    )
    words = ["-m", "asimov", "plugins", "check", "command", "--settings", str(settings)]
    with subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as command:
        assert command.stdout is not None
        lines = []
        while not lines or lines[-1].split()[1:] != ["one-job"]:
            lines.append(command.stdout.readline())
            assert lines[-1], lines
        assert command.poll() is None  # its job runs, and ends only now
        go_on.touch()
        lines += command.stdout.readlines()
    assert command.returncode == 0
    assert [line.split()[1].strip(":") for line in lines[:-1]] == list(CONTRACTS)
    assert lines[-1] == f"command: {len(CONTRACTS)} hold\n"


@pytest.mark.long
def test_settings_are_taken_from_a_file(asimov: Callable[..., Any], tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("{executable: sh, arguments: [-c, 'exit 3'], outputs: {a: a.txt}}\n")
    ran = asimov("plugins", "check", "command", "--settings", settings)
    assert ran.code == 1, ran
    assert "detect_completion is false; job 1 ended with exit code 3; missing: a.txt" in ran.out
    assert "unknown        assets-exist" in ran.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    first(12, [
        (["comand"], "there is no pipeline 'comand'; did you mean 'command'?"),
        (["./comand"], "./comand: there is no such folder"),
        (["empty"], "empty: there is no package here"),
        (["command", "--scheduler", "locl"], "no scheduler 'locl'; did you mean 'local'?"),
        (
            ["command", "--settings", "other.yaml"],
            "contains no analysis that uses the pipeline 'command'",
        ),
        (["command", "--settings", "broken.yaml"], "broken.yaml:2:1: is not valid YAML"),
        (["command", "--config", "local/processes"], "--config 'local/processes' has no value"),
        (["command", "--config", "local=1"], "'local' is not a configuration option"),
        (["command", "--config", "local/processes=many"], "should be a whole number of at least 1"),
        (["command", "--config", "scheduler/type=local"], "use --scheduler"),
        (["links"], "links/secret: can't be read"),
        (["broken"], ["broken: can't be installed: ", "TOMLDecodeError: "]),
        (["nothing"], "has no entry point in the group asimov.pipelines\n"),
        (["nearly"], "in the group asimov.pipelines; it has one in 'asimov.pipeline'\n"),
    ]),
)  # fmt: skip
def test_what_is_mistyped_is_told(
    arguments: list[str],
    told: str | list[str],
    asimov: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "broken", "nothing", "nearly", "links"):
        (tmp_path / name).mkdir()
    (tmp_path / "broken" / "pyproject.toml").write_text("[project\n")
    (tmp_path / "links" / "pyproject.toml").touch()
    os.mkfifo(tmp_path / "links" / "secret")
    project = "[project]\nname = 'n'\nversion = '1'\n"
    (tmp_path / "nothing" / "pyproject.toml").write_text(project)
    (tmp_path / "nearly" / "pyproject.toml").write_text(
        f"{project}[project.entry-points.'asimov.pipeline']\nn = 'n:N'\n"
    )
    (tmp_path / "other.yaml").write_text(
        "{kind: subject, name: s}\n---\n{kind: analysis, name: a, event: s, pipeline: other}\n"
    )
    (tmp_path / "broken.yaml").write_text("{kind: subject\n")
    ran = asimov("plugins", "check", *arguments)
    assert ran.code == 1, ran
    for each in [told] if isinstance(told, str) else told:
        assert each in ran.err
    assert "Traceback" not in ran.err


def test_what_can_not_be_told_has_an_exit_code_of_its_own(
    asimov: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from asimov.testing.conformance import runner

    found = [Finding("loads", True), Finding("name", None, "the day is over")]
    monkeypatch.setattr(runner, "check", lambda *given, **named: found)
    ran = asimov("plugins", "check", "command")
    assert ran.code == 3
    assert "command: 1 hold; 1 unknown (name)\n" in ran.out
    found.append(Finding("renders", False, "no"))
    assert asimov("plugins", "check", "command").code == 1


#: Builds what it has, but only in an environment that pip makes for the build.
_BACKEND = """
import sys, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    if not any("pip-build-env" in each for each in sys.path):
        raise RuntimeError("invalid command 'bdist_wheel'")
    name = "lonely-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        info = "lonely-1.dist-info"
        wheel.writestr("lonely.py", "")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: lonely\\nVersion: 1\\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        )
        wheel.writestr(f"{info}/entry_points.txt", "[asimov.pipelines]\\nlonely = lonely:Lonely\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""


@pytest.mark.long
def test_a_package_that_can_not_be_built_with_what_is_here_is_built_apart(
    asimov: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "backend.py").write_text(_BACKEND)
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    ran = asimov("plugins", "check", tmp_path)
    assert "module 'lonely' has no attribute 'Lonely'" in ran.out
    assert ran.code == 1, ran
