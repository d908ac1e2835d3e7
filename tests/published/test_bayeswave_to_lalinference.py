"""asimov-bayeswave makes PSDs for asimov-lalinference, which needs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from configparser import RawConfigParser
from pathlib import Path

import pytest

from tests.published.conftest import Place

pytestmark = pytest.mark.usefixtures("pool")

STANDINS = Path(__file__).parent / "standins"


@pytest.fixture
def event(place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch) -> Place:
    """A project whose pipelines find the stand-ins of their programs."""
    monkeypatch.setenv("PYTHONPATH", str(STANDINS / "pesummary"))
    made = place("bayeswave")
    made.run("configuration", "update", "pipelines/environment", STANDINS)
    made.apply("bayeswave-to-lalinference.yaml")
    return made


def test_lalinference_is_configured_with_the_psds_that_bayeswave_made(event: Place) -> None:
    seen = event.monitor("--chain", until={"psds": "uploaded", "samples": "uploaded"})

    assert not [s for s in seen if s["samples"] == "running" and s["psds"] != "uploaded"]
    ini = RawConfigParser()
    ini.read(event.root / "checkouts/S000000b/analyses/samples.ini")
    for detector in ("H1", "L1"):
        psd = Path(ini["engine"][f"{detector}-psd"])
        assert psd.name == f"glitch_median_PSD_forLI_{detector}.dat"
        assert psd.is_relative_to(event.root / "working/S000000b/psds")
        assert psd.read_text().startswith("20 1e-46\n")
    # After its job it has PESummary make pages, a job of its own.
    assert "processing" in {states["samples"] for states in seen}
    pages = event.root / "pages/S000000b/samples/pesummary"
    assert (pages / "samples/posterior_samples.h5").exists()
    stored = json.loads((event.root / "results/S000000b/samples/manifest.json").read_text())
    assert {Path(name).name for name in stored} >= {"samples.ini"}, stored
    psds = {path.name for path in (event.root / "results/S000000b/psds").rglob("*.dat")}
    assert {"H1-2048-psd.dat", "L1-2048-psd.dat"} <= psds  # as its after_completion names them
