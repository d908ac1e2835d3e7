"""``asimov plugins``: what is installed is listed and shown, whatever the packages do."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from asimov.discovery import entrypoints
from asimov.plugins.catalogue.scaffold import CONTRACTS, KINDS

GOOD = """
from pathlib import Path
from typing import Annotated
from asimov.pipeline.assets import Asset
from asimov.pipeline import Pipeline
from asimov.settings import BaseSettings, Setting

class Settings(BaseSettings):
    steps: Annotated[int, Setting("How many steps.", ge=1)]
    seed_value: Annotated[int, Setting("Of the random numbers.")] = 1

class Good(Pipeline):
    '''Does what it should.

    In two paragraphs.
    '''

    name = "good"
    kind = "subject"
    settings = Settings
    config_template = Path(__file__).with_name("good.ini")
    inputs = (Asset("psds", "text", optional=True, description="of each detector"),)
    outputs = (Asset("samples"),)

    def build_dag(self, dryrun=False):
        pass

    @property
    def dag_file(self):
        return Path("own.dag")

class Hook:
    def __init__(self, ledger): ...
"""


@pytest.fixture(autouse=True)
def _found_anew() -> Any:
    """Have plugins found anew: those of a test are gone after it."""
    yield
    entrypoints.found.cache_clear()
    entrypoints.load.cache_clear()


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Install a package: ``publish("name", {group: {entry point: value}}, {module: source})``."""
    monkeypatch.chdir(tmp_path)
    folders: list[Path] = []

    def install(
        name: str,
        points: dict[str, dict[str, str]],
        modules: dict[str, str],
        metadata: str = "",
    ) -> Path:
        folder = tmp_path / f"site-{len(folders)}-{name}"
        folders.append(folder)
        about = folder / f"{name.replace('-', '_')}-1.5.dist-info"
        about.mkdir(parents=True)
        about.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n{metadata}"
        )
        text = "".join(
            f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in of_group.items())
            for group, of_group in points.items()
        )
        about.joinpath("entry_points.txt").write_text(text)
        for module, source in modules.items():
            folder.joinpath(f"{module}.py").write_text(source)
        monkeypatch.setattr("sys.path", [*map(str, folders), *_path])
        entrypoints.found.cache_clear()
        entrypoints.load.cache_clear()
        return folder

    import sys

    _path = list(sys.path)
    return install


def rows(asimov: Callable[..., Any], *options: str) -> dict[str, Any]:
    ran = asimov("plugins", "list", "--json", *options)
    assert ran.code == 0, ran
    return {row["name"]: row for row in json.loads(ran.out)}


def test_every_plugin_is_listed_outside_a_project(
    asimov: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = rows(asimov)
    command = told["command"]
    assert (command["kind"], command["package"], command["loads"]) == ("pipeline", "asimov", True)
    assert told["local"]["kind"] == "scheduler"
    ran = asimov("plugins", "list")
    assert ran.out.splitlines()[0].split() == ["name", "kind", "package", "version", "loads"]
    assert list(tmp_path.iterdir()) == []


def test_plugins_of_every_group_have_a_kind(
    asimov: Callable[..., Any], publish: Callable[..., Path]
) -> None:
    constants = [value for name, value in vars(entrypoints).items() if name.isupper()]
    groups = [value for value in constants if isinstance(value, str)]
    publish("many", {group: {f"p{n}": "many:X"} for n, group in enumerate(groups)}, {"many": ""})
    found = [row for row in rows(asimov, "--no-load").values() if row["package"] == "many"]
    assert sorted(row["group"] for row in found) == sorted(groups)
    assert len({row["kind"] for row in found}) == len(groups)


@pytest.mark.parametrize("kind", ["pipeline", "pipelines", "asimov.pipelines", "Pipeline"])
def test_a_kind_is_named_in_several_ways(asimov: Callable[..., Any], kind: str) -> None:
    assert {row["kind"] for row in rows(asimov, "--no-load", "--kind", kind).values()} == {
        "pipeline"
    }


def test_of_a_kind_that_is_not_there_the_nearest_is_named(asimov: Callable[..., Any]) -> None:
    ran = asimov("plugins", "list", "--kind", "pipelnie")
    assert ran.code == 1
    assert ran.err.startswith(
        "error: 'pipelnie' is not a kind of plugin; did you mean 'pipeline'?\n"
    )


def test_a_kind_without_plugins_is_told_as_such(asimov: Callable[..., Any]) -> None:
    ran = asimov("plugins", "list", "--kind", "labeller")
    assert (ran.code, ran.out) == (
        0,
        "No plugin of the kind 'labeller' is installed; leave out --kind to list all\n",
    )


#: Modules that can't be loaded, and the cause that is named.
FAULTY = [
    ("raise ValueError('two\\nlines')", "ValueError: two lines"),
    ("import nothing_of_this_name", "ModuleNotFoundError: No module named"),
    ("import sys; sys.exit(3)", "exits with 3 when it is imported"),
    ("import os; os._exit(7)", "ends the process with exit code 7 when it is imported"),
    ("import os; os._exit(0)", "ends the process with exit code 0 when it is imported"),
    ("import os; os.kill(os.getpid(), 11)", "ends the process with SIGSEGV"),
    ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ("x = 1 +", "SyntaxError"),
    ("", "AttributeError: module 'faulty8' has no attribute 'Faulty'"),
    ("def Faulty(): ...", "faulty9:Faulty is a function, not a class"),
    ("class E(Exception):\n  def __str__(self): raise E\nraise E", "E"),
]


def test_packages_that_can_not_be_loaded_are_named_with_the_cause_and_harm_no_other(
    asimov: Callable[..., Any], publish: Callable[..., Path]
) -> None:
    for number, (source, _) in enumerate(FAULTY):
        name = f"faulty{number}"
        publish(name, {entrypoints.PIPELINES: {name: f"{name}:Faulty"}}, {name: source})
    publish("good", {entrypoints.PIPELINES: {"good": "good:Good"}}, {"good": GOOD})
    told = rows(asimov)
    assert told["good"]["loads"] is True
    for number, (source, error) in enumerate(FAULTY):
        name = f"faulty{number}"
        assert told[name]["loads"] is False, source
        assert error in told[name]["error"]
        assert "\n" not in told[name]["error"]
        ran = asimov("plugins", "show", name)
        assert ran.code == 1
        assert f"pipeline '{name}' of the package {name} 1.5 can't be loaded: " in ran.err
        assert error in ran.err
        assert len(ran.err.splitlines()) == 2


def test_what_a_package_prints_is_not_shown(
    asimov: Callable[..., Any], publish: Callable[..., Path]
) -> None:
    noise = "import os, sys; print('NOISE'); sys.stderr.write('NOISE'); os.write(1, b'NOISE')\n"
    publish("good", {entrypoints.PIPELINES: {"good": "good:Good"}}, {"good": noise + GOOD})
    for command in (["list"], ["show", "good"], ["list", "--json"]):
        ran = asimov("plugins", *command)
        assert ran.code == 0
        assert "NOISE" not in ran.out + ran.err


def test_a_package_that_hangs_is_ended_with_all_that_it_started(
    asimov: Callable[..., Any], publish: Callable[..., Path], tmp_path: Path
) -> None:
    hangs = (
        "import subprocess, time\n"
        "p = subprocess.Popen(['sleep', '1000'])\n"
        f"open({str(tmp_path / 'child')!r}, 'w').write(str(p.pid))\n"
        "time.sleep(1000)\n"
    )
    points = {"hangs": "hangs:X", "later": "hangs:Y"}
    publish("hangs", {entrypoints.PIPELINES: points}, {"hangs": hangs})
    publish("good", {entrypoints.PIPELINES: {"good": "good:Good"}}, {"good": GOOD})
    told = rows(asimov, "--timeout", "3", "--kind", "pipeline")
    assert told["hangs"]["error"] == "has not loaded within 3 s"
    assert told["later"]["error"].startswith("was not tried: 'hangs' of the same package has not")
    assert told["good"]["loads"]
    child = Path("/proc", (tmp_path / "child").read_text(), "cmdline")
    end = time.monotonic() + 60
    with suppress(FileNotFoundError, ProcessLookupError):  # it has gone
        while child.read_text():
            assert time.monotonic() < end, "what the package had started goes on"
            time.sleep(0.01)


def test_a_package_that_leaves_a_thread_behind_has_loaded(
    asimov: Callable[..., Any], publish: Callable[..., Path]
) -> None:
    leaves = "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n"
    publish("good", {entrypoints.PIPELINES: {"good": "good:Good"}}, {"good": leaves + GOOD})
    assert rows(asimov)["good"]["loads"] is True


def test_nothing_is_imported_where_that_is_asked_for(
    asimov: Callable[..., Any], publish: Callable[..., Path], tmp_path: Path
) -> None:
    mark = tmp_path / "imported"
    publish(
        "marks",
        {entrypoints.PIPELINES: {"marks": "marks:X"}},
        {"marks": f"open({str(mark)!r}, 'w')"},
    )
    told = rows(asimov, "--no-load")
    assert "loads" not in told["marks"]
    assert "loads" not in asimov("plugins", "list", "--no-load").out.splitlines()[0]
    assert not mark.exists()
    rows(asimov)
    assert mark.exists()


def test_the_current_folder_is_not_searched_for_modules(
    asimov: Callable[..., Any], publish: Callable[..., Path], tmp_path: Path
) -> None:
    publish("good", {entrypoints.PIPELINES: {"good": "good:Good"}}, {"good": GOOD})
    for name in ("json", "dataclasses", "good"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('of the current folder')")
    assert rows(asimov)["good"]["error"] is None


def test_of_two_packages_with_one_name_both_are_shown_and_the_one_that_is_used_is_marked(
    asimov: Callable[..., Any], publish: Callable[..., Path]
) -> None:
    publish("first", {entrypoints.PIPELINES: {"twice": "first:Good"}}, {"first": GOOD})
    publish("second", {entrypoints.PIPELINES: {"twice": "second:Good"}}, {"second": GOOD})
    ran = asimov("plugins", "list", "--json", "--kind", "pipeline")
    told = [row for row in json.loads(ran.out) if row["name"] == "twice"]
    assert [(row["package"], row["used"]) for row in told] == [("first", True), ("second", False)]
    assert entrypoints.load(entrypoints.PIPELINES, "twice").__module__ == "first"
    for options in ([], ["--no-load"]):
        lines = asimov("plugins", "list", *options).out.splitlines()
        (used,) = [line for line in lines if line.startswith("twice ")]
        (other,) = [line for line in lines if line.startswith("(twice) ")]
        assert " first " in used
        assert "not used, first comes first" in other
    ran = asimov("plugins", "show", "twice")
    assert "first:Good" in ran.out
    assert "There is also a pipeline of this name in the package second." in ran.out


@pytest.mark.parametrize(
    ("dialect", "default"), [("jinja", "default(3)"), ("liquid", "default: 3")]
)
def test_a_plugin_is_shown_with_all_that_it_declares(
    asimov: Callable[..., Any], publish: Callable[..., Path], dialect: str, default: str
) -> None:
    folder = publish(
        "good",
        {
            entrypoints.PIPELINES: {"good": "good:Good"},
            entrypoints.SETTINGS: {"good": "good:Settings"},
        },
        {"good": GOOD},
        "Home-page: https://old.example\nProject-URL: Documentation, https://docs.example/good\n",
    )
    (folder / "good.ini").write_text(f"[a]\nb = {{{{ meta.b | {default} }}}}\n")
    ran = asimov("plugins", "show", "GOOD", "--json")
    assert ran.code == 0, ran
    told = json.loads(ran.out)
    assert told["class"] == "good:Good"
    assert told["analyses"] == "subject"
    assert (told["package"], told["version"]) == ("good", "1.5")
    assert told["home"] == "https://docs.example/good"
    assert told["template"] == {
        "path": str(folder / "good.ini"),
        "exists": True,
        "dialect": dialect,
    }
    assert [row["setting"] for row in told["settings"]] == ["steps", "seed value"]
    assert [row["default"] for row in told["settings"]] == ["required", "1"]
    assert told["inputs"] == [
        {"name": "psds", "format": "text", "optional": True, "description": "of each detector"}
    ]
    assert [each["name"] for each in told["outputs"]] == ["samples"]
    assert told["methods"] == ["build_dag", "dag_file"]
    assert told["documentation"] == "Does what it should.\n\nIn two paragraphs."
    text = asimov("plugins", "show", "good").out
    for part in (
        "analyses   subject",
        "class      good:Good",
        "package    good 1.5",
        "home page  https://docs.example/good",
        f"template   {folder / 'good.ini'} ({dialect})",
        "seed value  ",
        "default 1",
        "psds (text, optional): of each detector",
        "\n  samples\n",
        "\n  In two paragraphs.",
    ):
        assert part in text
    assert "There is also" not in text  # the published settings are those of the pipeline


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("settings = ('steps', 'seed')", [{"setting": "steps"}, {"setting": "seed"}]),
        (
            "settings = {'steps': 'How many.', 'seed': ''}",
            [{"setting": "steps", "description": "How many."}, {"setting": "seed"}],
        ),
    ],
)
def test_settings_that_are_only_named_are_shown(
    asimov: Callable[..., Any], publish: Callable[..., Path], line: str, rows: list[dict[str, str]]
) -> None:
    source = f"from asimov.pipeline import Pipeline\nclass P(Pipeline):\n    {line}\n"
    publish("some", {"asimov.pipelines": {"some": "some:P"}}, {"some": source})
    assert json.loads(asimov("plugins", "show", "some", "--json").out)["settings"] == rows
    shown = [f"  {row['setting']:5}  {row.get('description', '')}".rstrip() for row in rows]
    assert "\n".join(["settings", *shown, ""]) in asimov("plugins", "show", "some").out


def test_each_setting_of_the_pipelines_that_ship_with_asimov_is_described(
    asimov: Callable[..., Any],
) -> None:
    for name in ("command", "container", "function", "phases"):
        rows = json.loads(asimov("plugins", "show", name, "--json").out)["settings"]
        assert rows and all(row["description"].endswith(".") for row in rows), rows
    listed = json.loads(asimov("vocabulary", "list", "--json").out)
    (processes,) = (
        row for row in listed if (row["name"], row["of"]) == ("processes", "pipeline command")
    )
    assert processes["description"] == "The number of processes; 1 by default."


@pytest.mark.parametrize(
    ("line", "template", "text"),
    [
        (
            "config_template = '/nowhere/x.ini'",
            {"path": "/nowhere/x.ini", "exists": False},
            "which",
        ),
        ("config_template = None", None, "none"),
        ("config_template = property(lambda self: '/nowhere/x.ini')", {"exists": False}, "which"),
        (
            "config_template = property(lambda self: self.production.name)",
            {"depends": True},
            "depends on the analysis",
        ),
        (
            "def __init__(self, production): self.config_template = 'x'",
            {"depends": True},
            "depends on the analysis",
        ),
    ],
)
def test_templates_are_found_as_far_as_a_class_can_tell(
    asimov: Callable[..., Any],
    publish: Callable[..., Path],
    line: str,
    template: dict[str, Any] | None,
    text: str,
) -> None:
    source = f"from asimov.pipeline import Pipeline\nclass X(Pipeline):\n  {line}\n"
    publish("some", {entrypoints.PIPELINES: {"some": "some:X"}}, {"some": source})
    told = json.loads(asimov("plugins", "show", "some", "--json").out)["template"]
    assert told == template or template.items() <= told.items()  # type: ignore[union-attr]
    (line,) = [
        line for line in asimov("plugins", "show", "some").out.splitlines() if "template" in line
    ]
    assert text in line


def test_declared_settings_that_can_not_be_used_are_told_in_their_place(
    asimov: Callable[..., Any], publish: Callable[..., Path]
) -> None:
    source = GOOD.replace("class Settings(BaseSettings)", "class Settings")
    publish("good", {entrypoints.PIPELINES: {"good": "good:Good"}}, {"good": source})
    ran = asimov("plugins", "show", "good")
    assert ran.code == 0, ran
    assert "is not a settings class" in ran.out
    assert "psds (text, optional)" in ran.out


def test_inputs_and_outputs_of_which_only_the_names_are_told_are_shown(
    asimov: Callable[..., Any], publish: Callable[..., Path]
) -> None:
    source = "class X:\n  required_inputs = ['psds']\n  available_outputs = property(len)\n"
    publish("some", {entrypoints.PIPELINES: {"some": "some:X"}}, {"some": source})
    told = json.loads(asimov("plugins", "show", "some", "--json").out)
    assert [each["name"] for each in told["inputs"]] == ["psds"]
    assert told["outputs"] == []


def test_a_hook_is_shown_too(asimov: Callable[..., Any], publish: Callable[..., Path]) -> None:
    publish("good", {entrypoints.POSTMONITOR: {"a hook": "good:Hook"}}, {"good": GOOD})
    ran = asimov("plugins", "show", "a hook")
    assert ran.code == 0, ran
    assert "kind       post-monitor" in ran.out
    assert "settings" not in ran.out


def test_a_misspelt_plugin_gets_the_nearest_name(
    asimov: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = asimov("plugins", "show", "comand")
    assert ran.code == 1
    assert ran.err.splitlines()[0] == (
        "error: there is no plugin 'comand'; did you mean 'command'?"
    )


def test_a_plugin_of_another_kind_is_told_as_such(asimov: Callable[..., Any]) -> None:
    ran = asimov("plugins", "show", "command", "--kind", "scheduler")
    assert (ran.code, ran.err) == (1, "error: 'command' is not a scheduler\n  it is a pipeline\n")


def test_a_new_package_is_written_and_told(
    asimov: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = asimov("plugins", "new", "random-walk", "--kind", "subject")
    assert ran.code == 0, ran
    told = {line.strip() for line in ran.out.splitlines()}
    folder = tmp_path / "asimov-random-walk"
    files = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert files <= told
    assert "asimov_random_walk/random_walk.ini" in files
    again = asimov("plugins", "new", "random-walk")
    assert (again.code, again.err.splitlines()[0]) == (
        1,
        "error: asimov-random-walk: already exists",
    )


def test_every_kind_of_package_can_be_asked_for(
    asimov: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for kind in (*KINDS, *CONTRACTS):
        ran = asimov("plugins", "new", f"walk-{kind}", "--kind", kind)
        assert ran.code == 0, ran
        assert (tmp_path / f"asimov-walk-{kind}" / "pyproject.toml").is_file()


def test_help_imports_none_of_it(shell: Callable[..., Any]) -> None:
    ran = shell(
        "python -X importtime -m asimov --help 2>&1 >/dev/null"
        " | grep -E 'asimov.(catalogue|scaffold|cli.plugins)|jinja2' ; true"
    )
    assert ran.out == ""


def test_an_interrupt_ends_the_packages_that_are_being_loaded(
    publish: Callable[..., Path], tmp_path: Path
) -> None:
    import signal
    import sys

    mark = tmp_path / "pid"
    hangs = f"import os, time\nopen({str(mark)!r}, 'w').write(str(os.getpid()))\ntime.sleep(1000)"
    folder = publish("hangs", {entrypoints.PIPELINES: {"hangs": "hangs:X"}}, {"hangs": hangs})
    # Where the tests run in the background the signal would be ignored.
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "sys.argv = ['asimov', 'plugins', 'list']; from asimov.cli import main; main()"
    )
    listing = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not mark.exists() or not mark.read_text():
        time.sleep(0.01)
    listing.send_signal(signal.SIGINT)
    assert listing.wait(60) == 130
    assert not Path("/proc", mark.read_text()).exists()


@pytest.mark.parametrize("points", ["[asimov.pipelines]\nno value\n", "\udcff"])
def test_a_package_whose_entry_points_can_not_be_read_is_named_and_the_others_are_there(
    publish: Callable[..., Path], shell: Callable[..., Any], points: str
) -> None:
    folder = publish("broken", {}, {})
    file = folder / "broken-1.5.dist-info" / "entry_points.txt"
    file.write_text(points, errors="surrogateescape")
    ran = shell("asimov plugins list --json", PYTHONPATH=str(folder))
    assert ran.code == 0, ran
    assert {"command", "local"} <= {row["name"] for row in json.loads(ran.out)}
    assert ran.err.count("the entry points of the package broken can't be read") == 1
