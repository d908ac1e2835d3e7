"""The quickstart, from its blueprints to its results, on a real pool."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.htcondor

EXAMPLE = Path(__file__).parents[2] / "ledger-examples" / "quickstart"


@pytest.fixture
def quickstart(
    pool: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asimov: Callable[..., Any]
) -> Iterator[Path]:
    """Make a project in a copy of the example; whatever is left of its jobs is removed."""
    pytest.importorskip("numpy")
    pytest.importorskip("matplotlib")
    root = tmp_path / "quickstart"
    shutil.copytree(EXAMPLE, root)
    monkeypatch.chdir(root)
    made = asimov("init", "quickstart", "--scheduler", "htcondor")
    assert made.code == 0, made
    name = asimov("configuration", "show", "project/id").out.strip()
    yield root
    subprocess.run(
        ["condor_rm", "-constraint", f'AsimovProject == "{name}"'], check=False, capture_output=True
    )


def test_the_quickstart_runs_to_its_results_on_a_pool(
    quickstart: Path, asimov: Callable[..., Any]
) -> None:
    for name in ("project", "subjects", "analyses", "overview"):
        ran = asimov("apply", "-f", f"blueprints/{name}.yaml")
        assert ran.code == 0, ran
    ran = asimov("monitor", "--chain", "--until-idle", "--interval", "1", "--timeout", "600")
    rows = json.loads(asimov("status", "--json").out)
    assert {f"{row['subject']}/{row['name']}": row["status"] for row in rows} == {
        f"{row['subject']}/{row['name']}": "uploaded" for row in rows
    }, ran
    assert (len(rows), ran.code) == (17, 0)
    results = quickstart / "results"
    overview = results / "project-analyses" / "overview"
    assert (overview / "overview.png").read_bytes().startswith(b"\x89PNG")
    stored = {str(path.relative_to(results)) for path in results.rglob("*.json")}
    for row in rows:
        assert f"{row['subject']}/{row['name']}/manifest.json" in stored
    spectrum = json.loads((results / "sunspots" / "spectrum-hann" / "spectrum.json").read_text())
    assert 10 < spectrum["peak"]["period"] < 12
