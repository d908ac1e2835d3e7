"""Every entry point of every published package that was tried loads in its environment."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.published.conftest import ENVIRONMENTS, environment

P, A, M = "asimov.pipelines", "asimov.hooks.applicator", "asimov.hooks.postmonitor"
#: By environment: its packages' names in lower case, and their entry points.
PUBLISHED: dict[str, tuple[set[str], set[tuple[str, str]]]] = {
    "bayeswave": (
        {"asimov-bayeswave", "asimov-lalinference"},
        {(P, "bayeswave"), (P, "lalinference")},
    ),
    "bilby": ({"bilby_pipe"}, {(P, "bilby"), (P, "bilby_native"), (P, "bilbyonline")}),
    "bilby_tgr": ({"bilby_tgr"}, {(A, "mdrflow"), (A, "tgrflow"), (M, "tgrflow"), (P, "bilbymdr")}),
    "cbcflow": ({"cbcflow"}, {(A, "cbcflow"), (M, "cbcflow")}),
    "cogwheel": ({"asimov-cogwheel"}, {(P, "cogwheel")}),
    "gwdata": ({"asimov-gwdata"}, {(P, "gwdata")}),
    "pesummary": ({"asimov-pesummary"}, {(P, "fakecbcpipeline"), (P, "pesummary")}),
    "rift": ({"rift"}, {(P, "rift")}),
}
#: What is skipped wherever it is not there, CI too.
LARGE = {"dingo": ({"dingo-gw"}, {(P, "dingo")})}

LOAD = f"""
import importlib.metadata, json, sys, traceback, asimov
GROUPS = {(P, A, M)!r}
told = []
points = importlib.metadata.entry_points()
for point in (point for group in GROUPS for point in points.select(group=group)):
    if point.dist.name.lower() in sys.argv[1:]:
        try:
            fault = "" if isinstance(point.load(), type) else "it is no class"
        except BaseException:
            fault = traceback.format_exc()
        told.append((point.group, point.name, fault))
print(json.dumps(told))
"""


def loaded(prefix: Path, packages: set[str], folder: Path) -> dict[tuple[str, str], str]:
    """Load the packages' entry points; return what was wrong with each, by group and name."""
    done = subprocess.run(
        [prefix / "bin" / "python", "-c", LOAD, *packages],
        cwd=folder, capture_output=True, text=True, check=True, timeout=600,
    )  # fmt: skip
    return {(group, name): fault for group, name, fault in json.loads(done.stdout.splitlines()[-1])}


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_entry_point_loads(name: str, tmp_path: Path) -> None:
    packages, points = PUBLISHED[name]
    assert loaded(environment(name), packages, tmp_path) == dict.fromkeys(points, "")


@pytest.mark.parametrize("name", LARGE)
def test_every_entry_point_of_a_large_package_loads(name: str, tmp_path: Path) -> None:
    if not (ENVIRONMENTS / name / "installed.txt").exists():
        pytest.skip(f"{name} takes gigabytes: tools/plugin-environment make {name}")
    packages, points = LARGE[name]
    assert loaded(ENVIRONMENTS / name, packages, tmp_path) == dict.fromkeys(points, "")
