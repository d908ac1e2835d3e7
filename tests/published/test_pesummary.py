"""The real PESummary: as a pipeline of its own, and as the base class's post-processing.

Its jobs write below the user's home, and that of a pool's user may not be there: the scheduler is
the local one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.published.conftest import Place


@pytest.fixture
def summaries(
    place: Callable[..., Place], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Place:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "standins" / "sampler"))
    made = place("pesummary", scheduler="local")
    made.run("configuration", "update", "pipelines/environment", made.prefix)
    made.apply("pesummary.yaml")
    return made


def test_pesummary_makes_pages_of_samples_and_psds(summaries: Place) -> None:
    seen = summaries.monitor(
        "--chain", until={"fake": "uploaded", "pages": "uploaded", "sampled": "uploaded"}
    )
    assert "processing" in {states["sampled"] for states in seen}
    for name in ("pages", "sampled"):
        pages = summaries.root / "pages/S000000c" / name / "pesummary"
        assert (pages / "home.html").exists(), name
        assert (pages / "samples/posterior_samples.h5").stat().st_size > 10_000, name
        stored = [path.name for path in (summaries.root / "results/S000000c" / name).rglob("*")]
        assert "posterior_samples.h5" in stored, (name, stored)
    # By `needs`, what the one made is the other's: samples, and PSDs of each detector.
    command = (summaries.root / "working/S000000c/pesummary.sh").read_text()
    assert f"--samples {summaries.root}/working/S000000c/fake/posterior_samples.dat" in command
    assert f"H1:{summaries.root}/working/S000000c/fake/H1_psd.dat" in command
