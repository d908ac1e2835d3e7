"""The core works without asimov/compat, and doesn't know of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.searching import first

ROOT = Path(__file__).parents[1]
SOURCE = ("asimov", "pipelines", "templates", "setup.cfg", "setup.py", "pyproject.toml")
#: Words that name what only compat is about.
THEIRS = re.compile(
    r"asimov[./]compat|from asimov import compat|asimov\[compat\]|pesummary|liquid|gracedb|coinc"
    r"|gravitational|timefile|otter",
    re.IGNORECASE,
)
#: `make test` and `make test-more` run some of them; `make test-core` all but what is left out.
ALL = os.environ.get("ASIMOV_CORE_TESTS") == "all"
#: Tests of the core's rooms that need no scheduler's time, and those of them that come first.
TESTS = (
    "settings/test_validation.py",
    "rendering/test_render.py",
    "engine/test_build.py",
)
MORE_TESTS = (
    "settings/test_merging.py",
    "engine/test_submit.py",
    "engine/test_monitor.py",
    "ledger/test_contents.py",
    "ledger/test_needs.py",
    "journal/test_journal.py",
    "project/test_analysis.py",
    "project/git/test_repository.py",
    "engine/test_readiness.py",
    "scheduler/languages",
    "pipeline/test_assets.py",
    "pipeline/test_progress.py",
    "pipeline/test_schemas.py",
    "pipeline/test_staging.py",
    "test_configuration.py",
)
#: What is never run without compat, each with the reason.
LEFT_OUT = {
    "compat": "is about compat",
    "published": "runs packages of others, which need compat",
    "htcondor": "takes the pool's time, and its jobs know nothing of packages",
    "tui": "takes a terminal's time, and shows what other tests have seen",
    "examples": "is about files that are not part of an installation",
    "test_core_alone.py": "this file",
    "test_scaffold*.py": "installs packages for development, which this installation hides",
    "test_extensions.py": "reads the documentation",
    "test_docs*.py": "is about the documentation, which covers compat",
    "test_doctests.py": "is about files of the repository, as are those that follow",
    **dict.fromkeys(
        (
            "test_benchmarks.py", "test_changelog.py", "test_diagrams.py", "test_layers.py",
            "test_promises.py", "test_published_page.py", "test_readme.py", "test_workers.py",
            "test_fuzz_blueprints.py", "test_no_trace.py", "test_text.py",
        ),
        "is about files of the repository",
    ),
}  # fmt: skip
#: The tests run in an environment where asimov is installed for development: hide that one.
HIDE = """
import sys
sys.meta_path[:] = [each for each in sys.meta_path if "__editable__" not in each.__module__]
"""


def sources() -> list[Path]:
    return [
        path
        for folder in ("asimov", "pipelines", "templates")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file()
        and path.suffix != ".pyc"
        and not path.is_relative_to(ROOT / "asimov" / "compat")
    ]


def test_no_file_of_the_core_knows_compat() -> None:
    read = {path: path.read_text(errors="replace") for path in sources()}
    assert len(read) > 300
    found = {str(path): words for path, text in read.items() if (words := THEIRS.findall(text))}
    assert not found


def names_of_compat() -> set[str]:
    """Return the modules and names of the package that only compat publishes."""
    published = re.findall(
        r"^ +(asimov\S*) = asimov\.compat", (ROOT / "setup.cfg").read_text(), re.M
    )
    assert "asimov.event" in published
    return {"asimov.compat", *published}


def files_of_the_core() -> list[Path]:
    """Return the files of tests that are not left out."""
    tests = ROOT / "tests"
    return [
        path
        for path in sorted(tests.rglob("*.py"))
        if not any(path.relative_to(tests).match(name) for name in LEFT_OUT)
        and path.relative_to(tests).parts[0] not in LEFT_OUT
    ]


def test_what_is_left_out_is_there() -> None:
    for name in LEFT_OUT:
        assert list((ROOT / "tests").rglob(name)), name


def test_no_test_of_the_core_imports_what_compat_publishes() -> None:
    """Also not in the text of a program or a package that a test writes."""
    theirs = names_of_compat()
    statement = re.compile(r"\b(?:from (asimov[\w.]*) import \(?([\w, ]+)|import (asimov[\w.]+))")
    found = []
    for path in files_of_the_core():
        for package, names, module in statement.findall(path.read_text()):
            full = (
                [module] if module else [f"{package}.{each.strip()}" for each in names.split(",")]
            )
            found += [
                (str(path.relative_to(ROOT)), each)
                for each in full
                if any(f"{each}.".startswith(f"{name}.") for name in theirs)
            ]
    assert not found


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install asimov without compat and its entry points, and copy the tests without compat's."""
    folder = tmp_path_factory.mktemp("core")
    source, packages = folder / "source", folder / "packages"
    for name in SOURCE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        source.mkdir(exist_ok=True)
        copy(ROOT / name, source / name)
    (source / "README.md").write_text("asimov")
    (source / "LICENSE").write_text("MIT")
    shutil.rmtree(source / "asimov" / "compat")
    config = (source / "setup.cfg").read_text()
    alone = re.sub(r"^ +\S+ = asimov\.compat.*\n", "", config, flags=re.MULTILINE)
    assert alone != config
    (source / "setup.cfg").write_text(alone)
    options = [
        "--no-deps",
        "--no-build-isolation",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
    ]
    pip = [sys.executable, "-m", "pip", "install", *options, "--target", packages]
    done = subprocess.run([*pip, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (packages / "sitecustomize.py").write_text(HIDE)
    tests = folder / "run" / "tests"
    shutil.copytree(ROOT / "tests", tests, ignore=shutil.ignore_patterns("compat"))
    shutil.copy2(ROOT / "pyproject.toml", folder / "run")
    return folder


def run(core: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(core / "packages")}
    for name in [name for name in environment if name.startswith("PYTEST_")]:
        del environment[name]
    return subprocess.run(
        [sys.executable, *command],
        cwd=core / "run",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_compat_is_gone_there(core: Path) -> None:
    for name in ("asimov.compat", "asimov.event"):
        done = run(core, "-c", f"import {name}")
        assert f"No module named '{name}'" in done.stderr
    done = run(core, "-c", "import asimov; print(asimov.__file__)")
    assert done.stdout.startswith(str(core / "packages"))


@pytest.mark.parametrize("tests", first(1, [(TESTS,), (MORE_TESTS,)]))
def test_the_core_passes_its_own_tests_without_compat(core: Path, tests: tuple[str, ...]) -> None:
    options = ["-q", "-p", "no:cacheprovider", "-k", "not liquid"]
    if ALL:
        options += ["-n", "4", "--dist", "loadfile"]
        globs = [f"*/{name}" if ".py" in name else f"*/tests/{name}" for name in LEFT_OUT]
        left_out = [option for glob in globs for option in ("--ignore-glob", glob)]
        files = ["tests", *left_out]
    else:
        options += ["-x", "-p", "no:xdist"]
        files = [f"tests/{name}" for name in tests]
    done = run(core, "-m", "pytest", *options, *files)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) > (2000 if ALL else 100)
