"""What the tests of every module use: projects on disk, and the command line."""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as searching

from asimov.cli import main
from asimov.discovery import extensions
from asimov.journal import database
from asimov.journal.journal import Journal
from asimov.project.workspace import Workspace
from asimov.scheduler.local import startup
from asimov.system.helper_process.asking import Helper
from tests import local_runners, preloaded
from tests.workers import not_tried


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"exit code {self.code}\n{self.out}\n{self.err}"


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's own configuration and git identity out of the tests."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    # The programs of jobs are those of the environment that the tests run in, activated or not.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture(autouse=True)
def _closed_journals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the journals that a test has opened, as the end of a command does.

    A new one begins as a copy of an empty one: all migrations take as long as the rest of `init`.
    """
    opened: list[Journal] = []
    make = Journal.__init__

    def remember(self: Journal, path: Path, **how: bool) -> None:
        if not how.get("reading") and path.parent.is_dir() and not path.exists():
            path.write_bytes(_empty_journal(make, tuple(database.MIGRATIONS)))
        make(self, path, **how)
        opened.append(self)

    monkeypatch.setattr(Journal, "__init__", remember)
    yield
    for journal in opened:
        journal.close()


@cache
def _empty_journal(make: Callable[..., None], migrations: tuple[str, ...]) -> bytes:
    """Return a journal as these migrations make it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal.db")
        journal = Journal.__new__(Journal)
        make(journal, path)
        journal.close()
        return path.read_bytes()


@pytest.fixture(autouse=True)
def _preloaded_runners(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start runners of the local queue from a process that has imported what they need."""
    monkeypatch.setattr(startup, "start_runner", local_runners.start_runner)


@pytest.fixture(scope="session", autouse=True)
def _preloaded_helpers() -> Iterator[None]:
    """Start helper processes from a process that has imported what they need."""
    make = Helper.__init__

    def prepared(self: Helper, module: str, arguments: Any, limit: float | None = None) -> None:
        make(self, module, arguments, limit)
        if module.startswith("asimov.server"):
            self._command = [str(preloaded.helper()), module, *arguments]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Helper, "__init__", prepared)
        yield


@pytest.fixture
def asimov(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ran]:
    """Run a command of asimov in this process: ``asimov("status", "--json")``.

    The current folder is the caller's; ``stdin`` is the text of standard input.
    """

    def run(*arguments: object) -> Ran:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["asimov", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 1
        captured = capfd.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def shell(tmp_path: Path) -> Callable[..., Ran]:
    """Run a command line in a process of its own: ``shell("asimov status", cwd=folder)``.

    The environment's programs, asimov among them, come first on PATH.
    """
    return partial(_in_a_shell, tmp_path, [Path(sys.executable).parent])


@pytest.fixture
def quick_shell(tmp_path: Path) -> Callable[..., Ran]:
    """Run a command line as `shell` does, but ``asimov`` in a fork of a process that imported it.

    For what a command does; `shell` is for how its process starts and ends.
    """
    return partial(_in_a_shell, tmp_path, [preloaded.programs(), Path(sys.executable).parent])


def _in_a_shell(
    folder: Path,
    programs: list[Path],
    command: str,
    cwd: Path | None = None,
    **environment: str,
) -> Ran:
    path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
    done = subprocess.run(
        ["/bin/bash", "-c", command],
        cwd=cwd or folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asimov: Callable[..., Ran]
) -> Iterator[Path]:
    """Make a project on the local scheduler, and go there; what it runs ends with the test."""
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    made = asimov("init", "Test project", "--scheduler", "local")
    assert made.code == 0, made
    yield root
    stop_local_scheduler(tmp_path)  # it may have been moved


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that other users may look into; pytest's own they may not."""
    folder = Path(tempfile.mkdtemp(prefix="asimov-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        stop_local_scheduler(folder)
        shutil.rmtree(folder, ignore_errors=True)


def stop_local_scheduler(root: Path) -> None:
    """End the local schedulers of the projects in a folder, and then what they run.

    The other way round it would start what was ended.
    """
    named = str(root)
    processes = _others()
    scheduler = [each for each in processes if named in _command_line(each)]
    _kill(scheduler)
    if scheduler or any(named in _folder(each) for each in processes):
        _kill(each for each in _others() if named in _folder(each))


def _others() -> list[str]:
    """Return the numbers of all processes but this one."""
    return [
        each
        for each in os.listdir("/proc")  # noqa: PTH208  (a Path takes most of the time)
        if each.isdigit() and int(each) != os.getpid()
    ]


def _kill(processes: Iterable[str]) -> None:
    for each in processes:
        with suppress(ProcessLookupError):
            os.kill(int(each), signal.SIGKILL)


def _command_line(process: str) -> str:
    with suppress(OSError), open(f"/proc/{process}/cmdline", "rb") as file:  # noqa: PTH123
        return os.fsdecode(file.read())
    return ""


def _folder(process: str) -> str:
    with suppress(OSError):
        return os.readlink(f"/proc/{process}/cwd")  # noqa: PTH115
    return ""


@pytest.fixture
def workspace(project: Path) -> Iterator[Workspace]:
    """Open the project."""
    opened = Workspace.open(project)
    yield opened
    opened.journal.close()


@pytest.fixture
def blueprint(project: Path) -> Callable[..., Path]:
    """Write a file of blueprints into the project's folder: ``blueprint(text)``."""

    def write(text: str, name: str = "blueprint.yaml") -> Path:
        path = project / name
        path.write_text(text)
        return path

    return write


@pytest.fixture(scope="session")
def installed_package(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Install a package with pip: ``installed_package(name, files, entry_points)``.

    Returns the folder to be put on PYTHONPATH.
    """

    def install(name: str, files: dict[str, str], entry_points: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        source, target = folder / "source", folder / "packages"
        source.mkdir()
        for file, text in files.items():
            (source / file).write_text(text)
        modules = ", ".join(Path(file).stem for file in files)
        points = ""
        for line in entry_points.split("\n"):
            points += f"{line.strip('[]')} =\n" if line.startswith("[") else f"    {line}\n"
        (source / "setup.cfg").write_text(
            f"[metadata]\nname = {name}\nversion = 1.0\n"
            f"[options]\npy_modules = {modules}\n[options.entry_points]\n{points}"
        )
        (source / "pyproject.toml").write_text(
            '[build-system]\nrequires = ["setuptools>=64"]\n'
            'build-backend = "setuptools.build_meta"\n'
        )
        options = ["--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check"]
        pip = [sys.executable, "-m", "pip", "install", *options, "--target", target, source]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return target

    return install


def snapshot(root: Path) -> dict[str, bytes]:
    """Return every file of a folder with its content, to see that nothing changed.

    SQLite's files, asimov's own log and a cache are left out: reading a project may touch them.
    """
    left_out = ("journal.db", "asimov.log", ".lock", "functions.json")
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not any(name in path.name for name in left_out)
    }


# On a busy machine an example may take seconds, and to make some up as well.
searching.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
searching.load_profile("busy")

#: Files whose few tests take long: begun first, so that nothing waits for one of them at the end.
LONG = (
    "catalogue/test_scaffold",
    "htcondor/test_outages",
    "htcondor/test_spooling",
    "server/test_hardships",
    "server/test_stuck_writes",
    "htcondor/test_queries",
    "htcondor/test_phases",
    "test_benchmarks",
    "test_docs",
    "project/test_sharing",
    "testing/conformance/test_faults",
    "test_full_disk",
    "test_core_alone",
    "test_long_values",
    "testing/test_suite",
    "test_docs_pipeline",
    "plugins/test_containment",
    "engine/test_crashes",
    "cli/test_check",
    "supervision/test_supervisor",
    "htcondor/test_kill_matrix",
    "engine/test_kill_matrix",
    "htcondor/test_chaos",
    "htcondor/test_holds",
    "test_no_trace",
    "test_third_party",
    "test_fuzz_blueprints",
    "container/test_spt",
    "engine/repair/test_repair",
    "scheduler/local/test_kills",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take long."""

    def place(item: pytest.Item) -> int:
        path = str(item.path.with_suffix(""))
        return next((i for i, name in enumerate(LONG) if path.endswith(f"/{name}")), len(LONG))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Let Python's collector leave alone what stays: modules, and thousands of tests."""
    gc.freeze()
    gc.enable()


def pytest_sessionstart() -> None:
    """Let Python's collector wait until the tests are collected: all of these stay."""
    gc.disable()


def pytest_configure(config: pytest.Config) -> None:
    """Let programs be interrupted, and stop if entry points of setup.cfg aren't installed.

    A shell has what it runs in the background ignore an interrupt, and ``nohup`` a hang-up; what
    the tests start would inherit that. Without the entry points, much fails for no visible reason.
    """
    for each in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(each) is signal.SIG_IGN:
            usual = signal.default_int_handler if each is signal.SIGINT else signal.SIG_DFL
            signal.signal(each, usual)
    file = Path(__file__).parents[1] / "setup.cfg"
    if not file.exists():
        return
    text = file.read_text().partition("[options.entry_points]\n")[2].partition("\n[")[0]
    for group, lines in re.findall(r"^(asimov\.[\w.]+) =\n((?: +.*\n?)*)", text, re.MULTILINE):
        installed = {(each.name, each.value) for each in extensions.points(group)}
        wanted = {tuple(re.split(r"\s*=\s*", line.strip())) for line in lines.splitlines()}
        if wanted - installed:
            pytest.exit(
                f"entry points of setup.cfg are not installed ({group}): run "
                f"'{sys.executable} -m pip install --no-deps -e {file.parent}'",
                returncode=4,
            )


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell which workers of `tests/workers.yaml` a run should have tried, and has not."""
    config = terminalreporter.config
    if (
        config.option.keyword
        or config.option.collectonly
        or any("::" in each for each in config.args)
    ):
        return
    stats = terminalreporter.stats
    ended = [
        each.nodeid
        for kind in ("passed", "failed", "error", "skipped")
        for each in stats.get(kind, [])
    ]
    missed = not_tried([each.nodeid for each in stats.get("passed", [])], ended)
    if missed:
        terminalreporter.section("workers that were not tried", yellow=True)
    for worker, tests in missed.items():
        terminalreporter.write_line(f"{worker}: {', '.join(tests)}")
