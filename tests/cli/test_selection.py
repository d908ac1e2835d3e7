"""Selecting analyses by patterns and filters, and confirming what a command will do to them."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from asimov.cli.selection import Selection, confirm, selection_options, yes_option
from asimov.engine.status import rows
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.system import clock
from tests import preloaded

BLUEPRINTS = """
kind: subject
name: gw190412
analyses:
- {name: bilby-low, pipeline: command, labels: [checked]}
- {name: bilby-high, pipeline: command, labels: {quality: 4, checked: false}}
- {name: psd, pipeline: simpletestpipeline}
---
kind: subject
name: gw200115
analyses:
- {name: bilby-low, pipeline: command, labels: {quality: 2, Two words: true}}
- {name: gw190412, pipeline: command}
---
{kind: subject, name: GW190412}
---
{kind: projectanalysis, name: combined, pipeline: command, subjects: [gw190412], analyses: [psd]}
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("selection")
    (root / "all.yaml").write_text(BLUEPRINTS)
    for words in ("init Test --scheduler local", "apply -f all.yaml"):
        assert preloaded.run(preloaded.ASIMOV, *words.split(), cwd=root).returncode == 0
    with clock.replaced(lambda: 1_000_000.0):
        opened = Workspace.open(root)
        for name, state in {"psd": "running", "bilby-low": "stuck"}.items():
            opened.journal.set_status(Key("gw190412", name), "ready", state, "person", None)
        opened.journal.observed([(Key("gw190412", "psd"), "idle", None, None)])
        opened.journal.close()
    return root


@pytest.fixture
def opened(scene: Path) -> Iterator[Workspace]:
    workspace = Workspace.open(scene, reading=True)
    yield workspace
    workspace.journal.close()


def found(workspace: Workspace, *patterns: str, **filters: object) -> list[str]:
    chosen = Selection(patterns, **filters).of(workspace)  # type: ignore[arg-type]
    return [str(key) for key in chosen]


LOW, HIGH, PSD = "gw190412/bilby-low", "gw190412/bilby-high", "gw190412/psd"
OTHER, ODD, OVER = "gw200115/bilby-low", "gw200115/gw190412", "project-analyses/combined"


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ((), [LOW, HIGH, PSD, OTHER, ODD, OVER]),
        (("gw19*/bilby*",), [LOW, HIGH]),
        (("*/bilby-low",), [LOW, OTHER]),
        (("gw??????/psd",), [PSD]),
        (("gw[!1]*",), [OTHER, ODD]),
        (("gw190412",), [LOW, HIGH, PSD]),
        ((PSD,), [PSD]),
        (("gw190412", "psd"), [PSD]),
        (("gw190412", "bilby*"), [LOW, HIGH]),
        (("gw190412", "gw200115"), [LOW, HIGH, PSD, OTHER, ODD]),
        (("gw200115", "gw190412"), [ODD]),
        ((OTHER, LOW, "gw190412/*low"), [LOW, OTHER]),
        (("project-analyses",), [OVER]),
        (("project-analyses", "combined"), [OVER]),
        (("*/combined",), [OVER]),
    ],
)
def test_patterns_select(opened: Workspace, patterns: tuple[str, ...], expected: list[str]) -> None:
    assert found(opened, *patterns) == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"states": ("stuck",)}, [LOW]),
        ({"states": ("idle",)}, [PSD]),
        ({"states": ("running",)}, [PSD]),
        ({"states": ("queued", "STUCK")}, [LOW, PSD]),
        ({"pipelines": ("SimpleTestPipeline",)}, [PSD]),
        ({"labels": ("checked",)}, [LOW]),
        ({"labels": ("quality >= 3",)}, [HIGH]),
        ({"labels": ("quality==4",)}, [HIGH]),
        ({"labels": ("two words",)}, [OTHER]),
        ({"labels": ("quality",), "pipelines": ("command",)}, [HIGH, OTHER]),
        ({"since": 2_000_000.0}, [HIGH, OTHER, ODD, OVER]),
    ],
)
def test_filters_narrow(opened: Workspace, filters: dict[str, object], expected: list[str]) -> None:
    assert found(opened, **filters) == expected


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        (("gw190413",), "there is no subject 'gw190413'; did you mean 'gw190412'?"),
        (("gw190412/pds",), "gw190412 has no analysis 'pds'; did you mean 'psd'?"),
        (("gw190412", "pds"), "gw190412 has no analysis 'pds'; did you mean 'psd'?"),
        (("gw19*/bilbi*",), "no analysis matches 'gw19*/bilbi*'; did you mean 'bilby-"),
        (("gw19*/PSD",), "no analysis matches 'gw19*/PSD'"),
        (("gv19*",), "no subject matches 'gv19*'"),
        (("psd",), "there is no subject 'psd'; did you mean the analysis 'gw190412/psd'?"),
        ((PSD, "nothing/psd"), "there is no subject 'nothing'"),
        (("project-analyses/combinde",), "did you mean 'combined'?"),
        (("GW190412",), "there are no analyses to select"),
    ],
)
def test_what_matches_nothing_is_refused(
    opened: Workspace, patterns: tuple[str, ...], said: str
) -> None:
    with pytest.raises(AsimovError) as refused:
        found(opened, *patterns)
    assert said in str(refused.value)
    assert refused.value.hint


def test_an_unknown_state_is_refused_and_filters_may_leave_nothing(opened: Workspace) -> None:
    with pytest.raises(AsimovError, match="did you mean 'stuck'"):
        found(opened, states=("stcuk",))
    with pytest.raises(AsimovError, match="no analysis matches these filters"):
        found(opened, states=("review",))
    assert Selection(states=("review",)).of(opened, may_be_empty=True) == []


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"pipelines": ("comand",)}, "there is no pipeline 'comand'; did you mean 'command'?"),
        ({"labels": ("quality >=",)}, "'quality >=' lacks a value"),
        ({"labels": (">= 3",)}, "'>= 3' lacks the name of a label"),
        ({"labels": (" ",)}, "a label has an empty name"),
        ({"labels": ("quality => 3",)}, "'quality => 3' is not a comparison"),
        ({"labels": ("quality >== 3",)}, "'quality >== 3' is not a comparison"),
        ({"labels": ("quality < = 3",)}, "'quality < = 3' is not a comparison"),
        ({"labels": ("checked quality",)}, "no analysis has the label 'checked quality'"),
        ({"states": ("runing",)}, "there is no state 'runing'; did you mean 'running'?"),
        ({"states": ("submited",)}, "did you mean 'submitted'?"),
    ],
)
def test_filters_that_mean_nothing_are_refused(
    opened: Workspace, filters: dict[str, object], said: str
) -> None:
    with pytest.raises(AsimovError) as refused:
        Selection(**filters).of(opened, may_be_empty=True)  # type: ignore[arg-type]
    assert said in str(refused.value)


def test_every_state_that_status_shows_can_be_asked_for(opened: Workspace) -> None:
    for row in rows(opened, opened.contents.entries):
        asked = Selection(states=(row.state,)).of(opened)
        assert Key(row.subject, row.name) in asked


def test_analyses_outside_the_ledger_can_be_named_if_the_command_allows_it(
    opened: Workspace,
) -> None:
    gone = Key("gone", "x")
    assert Selection(("gone/*",)).of(opened, more=[gone]) == [gone]
    assert Selection(("gone", "x")).of(opened, more=[gone]) == [gone]


@click.command()
@selection_options
@yes_option
def shown(selection: Selection, yes: bool) -> None:
    selection.require()
    click.echo(repr(selection))


def test_a_command_gets_its_selection() -> None:
    run = CliRunner().invoke
    with clock.replaced(lambda: 864_000.0):
        given = run(shown, ["a/*", "--state", "stuck", "--state", "held", "--since", "2d"])
    assert repr(Selection(("a/*",), ("stuck", "held"), since=691_200.0)) in given.output
    nothing = run(shown, [])
    assert nothing.exit_code == 2
    assert "select analyses" in nothing.output
    assert "'soon' is not a time" in run(shown, ["--since", "soon"]).output


def test_without_a_terminal_nothing_is_done_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AsimovError, match="not confirmed: cancel 30 analyses") as refused:
        confirm([f"s/{i}" for i in range(30)], False, "cancel 30 analyses")
    assert "--yes" in str(refused.value.hint)
    told = capsys.readouterr().err
    assert "  s/19\n  and 10 more\n" in told
    assert "s/20" not in told
    confirm(["s/a"], True)


@pytest.mark.parametrize(("answer", "goes_on"), [("y", True), ("n", False)])
def test_at_a_terminal_the_person_is_asked(answer: str, goes_on: bool) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            sys.stdin, sys.stderr = os.fdopen(0), os.fdopen(2, "w")
            sys.stdout = sys.stderr
            confirm(["s/a"], False, "cancel 1 analysis")
            os._exit(0)
        except click.Abort:
            os._exit(1)
        finally:
            os._exit(2)
    told = b""
    while b"[y/N]" not in told:
        told += os.read(terminal, 1000)
    assert b"s/a" in told
    assert b"Cancel 1 analysis?" in told
    os.write(terminal, answer.encode() + b"\n")
    _, code = os.waitpid(pid, 0)
    os.close(terminal)
    assert (os.waitstatus_to_exitcode(code) == 0) is goes_on


def test_outdated_selects_what_is_out_of_date(
    opened: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Key("gw190412", "psd")
    monkeypatch.setattr(
        "asimov.engine.selection.outdated", lambda _, keys: {key: () for key in keys if key == old}
    )
    assert Selection(outdated=True).of(opened) == [old]
    assert Selection(("gw200115",), outdated=True).of(opened, may_be_empty=True) == []
    assert Selection(outdated=True).filtered


@pytest.mark.parametrize(
    ("command", "pattern"),
    [
        (("production", "show", "gw*/psd"), "gw*"), (("logs", "gw190412/?"), "gw190412/?"),
        (("diff", "gw190412/b*", "gw190412/psd"), "gw190412/b*"), (("event", "show", "*"), "*"),
        (("package", "gw190412/[ab]"), "gw190412/[ab]"), (("ledger", "show", "gw*"), "gw*"),
    ],
)  # fmt: skip
def test_where_a_name_is_needed_a_pattern_is_refused_as_one(
    scene: Path,
    monkeypatch: pytest.MonkeyPatch,
    asimov: Any,
    command: tuple[str, ...],
    pattern: str,
) -> None:
    monkeypatch.chdir(scene)
    said = asimov(*command)
    assert said.code == 1
    assert f"'{pattern}' is a pattern, but a name is needed here" in said.err
    assert f"'asimov status \"{pattern}\"' shows what it selects" in said.err
