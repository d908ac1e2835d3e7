"""Packages that are broken: named in a warning, and the rest goes on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.published.conftest import Place, environment

PACKAGES = Path(__file__).parent / "packages"
METHODS = (
    "__init__", "before_config", "build_dag", "submit_dag", "detect_completion",
    "after_completion", "collect_assets",
)  # fmt: skip
HEALTHY = """
{kind: subject, name: s}
---
{kind: analysis, event: s, name: first, pipeline: simpletestpipeline}
---
{kind: analysis, event: s, name: second, pipeline: simpletestpipeline, needs: [first]}
"""


@pytest.fixture
def install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Callable[..., Place]
) -> Callable[..., Place]:
    """Build a package, install it beside an environment's own, and make a project."""

    def make(package: str) -> Place:
        pip = [environment("broken") / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
        source = tmp_path / "source"  # setuptools writes into it
        source.mkdir()
        for path in (PACKAGES / package).iterdir():
            (source / path.name).write_text(path.read_text())
        target = tmp_path / "installed"
        subprocess.run(
            [*pip, "install", "-qq", "--no-deps", "--target", target, source], check=True
        )
        monkeypatch.setenv("PYTHONPATH", str(target))
        return place("broken", scheduler="local")

    return make


def finish(place: Place, code: int = 0) -> None:
    """Let the healthy analyses run to their ends; each pass ends with the exit code."""
    ends = {"first": "uploaded", "second": "uploaded"}
    place.monitor("--chain", until=ends, stuck=True, code=code)


def test_a_package_that_is_broken_at_import_is_named_and_the_rest_goes_on(
    install: Callable[..., Place],
) -> None:
    place = install("shattered")
    place.write(
        "{kind: configuration, hooks: {postmonitor: {shattered: {}}}}\n---" + HEALTHY
        + "---\n{kind: analysis, event: s, name: broken, pipeline: shattered}\n"
    )  # fmt: skip
    place.run("apply", "-f", "blueprint.yaml")
    named = "the plugin 'shattered' of the package asimov-shattered can't be loaded: RuntimeError"

    built = place.run("manage", "build", code=1)
    assert named in built.out + built.err
    assert (place.root / "checkouts/s/analyses/first.ini").exists()
    passed = place.run("monitor", "--chain", code=1)  # it could not build one
    told = [line for line in passed.out.splitlines() if "shattered" in line]
    # Once for the analysis, and once for the hook.
    assert ([named in line for line in told], passed.err) == ([True, True], ""), passed
    finish(place, code=1)
    assert place.states()["broken"] == "ready"  # nothing has been tried, nothing is lost
    assert named in place.run("why", "s", "broken").out


def test_a_release_that_lacks_its_own_modules_is_named_and_the_rest_goes_on(
    place: Callable[..., Place],
) -> None:
    """heron-model 0.4.0, as it is published."""
    made = place("broken", scheduler="local")
    made.write(HEALTHY + "---\n{kind: analysis, event: s, name: gp, pipeline: heron injection}\n")
    made.run("apply", "-f", "blueprint.yaml")
    finish(made, code=1)
    told = made.run("why", "s", "gp").out
    assert "the plugin 'heron injection' of the package heron-model can't be loaded" in told


def test_a_package_whose_methods_raise_harms_its_own_analyses_only(
    install: Callable[..., Place],
) -> None:
    place = install("raising")
    blueprints = [HEALTHY]
    for exits in (False, True):
        for method in METHODS:
            name = f"{'exits' if exits else 'raises'}-{method.strip('_')}"
            settings = {"name": name, "raises in": method, "exits": exits}
            blueprints.append(
                json.dumps({"kind": "analysis", "event": "s", "pipeline": "raising", **settings})
            )
    place.write(
        "{kind: configuration, hooks: {postmonitor: {raising: {}}}}\n---"
        + "\n---\n".join(blueprints)
    )
    place.run("apply", "-f", "blueprint.yaml")
    place.run("manage", "build", code=1)
    passed = place.run("monitor", "--chain")
    assert "postmonitor" in passed.out, passed
    assert "the hook has raised" in passed.out, passed
    finish(place)

    broken = {f"{how}-{method.strip('_')}" for how in ("raises", "exits") for method in METHODS}
    rows = place.rows()
    assert {rows[name]["status"] for name in broken} == {"stuck"}
    for name in broken:
        why = place.run("why", "s", name).out
        method = next(each for each in METHODS if each.strip("_") == name.split("-")[1])
        assert method in why, why
        assert "raising" in why, why
        assert ("SystemExit" if name.startswith("exits") else f"{method} has raised") in why, why
