"""The quickstart's scripts on its real data: run as processes, in the order of the blueprints."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, StrictUndefined

from tests.examples.quickstart_scripts import EXAMPLE, script, write_config, write_series

np = pytest.importorskip("numpy")
pytestmark = pytest.mark.skipif(not find_spec("matplotlib"), reason="needs matplotlib")


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((EXAMPLE / "blueprints" / name).read_text()))


def merged(*mappings: dict[str, Any]) -> dict[str, Any]:
    """Merge settings, the last the strongest."""
    result: dict[str, Any] = {}
    for mapping in mappings:
        for key, value in mapping.items():
            old = result.get(key)
            both = isinstance(old, dict) and isinstance(value, dict)
            result[key] = merged(old, value) if both else value
    return result


@dataclass
class Subject:
    name: str


@dataclass
class Analysis:
    name: str
    subject: Subject
    meta: dict[str, Any]
    rundir: Path
    inputs: list[Analysis] = field(default_factory=list)

    @property
    def assets(self) -> dict[str, str]:
        return {name: str(self.rundir / file) for name, file in self.meta["outputs"].items()}

    def matches(self, items: list[Any]) -> bool:
        return any(
            item == self.name
            if isinstance(item, str)
            else all(self.meta.get(key) == value for key, value in item.items())
            for item in items
        )


def run_analysis(analysis: Analysis) -> None:
    """Do what the pipeline `command` does: render, then run in the run directory."""
    analysis.rundir.mkdir(parents=True)
    config_file = analysis.rundir / "config.ini"
    assets: dict[str, str] = {}
    for each in analysis.inputs:
        assets |= each.assets
    context = {
        "analysis": analysis,
        "production": analysis,
        "meta": analysis.meta,
        "config_file": str(config_file),
        "assets": assets,
        "inputs": analysis.inputs,
    }
    jinja = Environment(undefined=StrictUndefined, autoescape=False)
    template = (EXAMPLE / "templates" / analysis.meta["template"]).read_text()
    config_file.write_text(jinja.from_string(template).render(context))
    first, *rest = (jinja.from_string(text).render(context) for text in analysis.meta["arguments"])
    rest = [str(EXAMPLE / text) if (EXAMPLE / text).is_file() else text for text in rest]
    done = script(Path(first).name, *rest, cwd=analysis.rundir)
    assert (done.returncode, done.stderr) == (0, ""), f"{analysis.name}: {done.stderr}"
    for path in analysis.assets.values():
        assert Path(path).is_file()


def run_quickstart(root: Path) -> dict[str, Analysis]:
    (project,) = documents("project.yaml")
    subjects = {document["name"]: document for document in documents("subjects.yaml")}
    done: dict[str, Analysis] = {}
    for document in documents("analyses.yaml") + documents("overview.yaml"):
        name = document.get("event", "")
        defaults = project["pipelines"][document["pipeline"]]
        meta = merged(project, defaults, subjects.get(name, {}), document)
        rundir = root / (name or "project") / document["name"]
        analysis = Analysis(document["name"], Subject(name), meta, rundir)
        wanted = document.get("needs") or document.get("analyses") or []
        analysis.inputs = [
            other
            for other in done.values()
            if other.matches(wanted) and (not name or other.subject.name == name)
        ]
        assert bool(analysis.inputs) == bool(wanted)
        run_analysis(analysis)
        done[f"{name}/{analysis.name}".strip("/")] = analysis
    return done


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Analysis]:
    return run_quickstart(tmp_path_factory.mktemp("quickstart"))


def asset(analyses: dict[str, Analysis], analysis: str, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(analyses[analysis].assets[name]).read_text())
    return content


def values(name: str) -> dict[float, float]:
    lines = (EXAMPLE / "data" / name).read_text().splitlines()
    rows = (line.split(",") for line in lines if not line.startswith(("#", "time")))
    return {float(time): float(value) for time, value in rows}


def spectrum_of(folder: Path, time: Any, value: Any, **settings: Any) -> dict[str, Any]:
    settings = {"window": "hann", "segments": 1, "padding": 4, "least_cycles": 3} | settings
    config = write_config(folder / "config.ini", spectrum=settings)
    series = write_series(folder / "series.csv", time, value)
    done = script("spectrum.py", "--config", config, "--series", series, cwd=folder)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads((folder / "spectrum.json").read_text())
    return result


# The data ------------------------------------------------------------------------------------


def test_the_sunspot_record_is_the_published_one() -> None:
    sunspots = values("sunspots.csv")
    assert list(sunspots) == [year + 0.5 for year in range(1700, 2009)]
    assert max(sunspots, key=lambda year: sunspots[year]) == 1957.5
    assert sunspots[1957.5] == 190.2


def test_the_nile_record_is_the_published_one() -> None:
    nile = values("nile.csv")
    assert list(nile) == [year + 0.5 for year in range(1871, 1971)]
    assert sum(nile.values()) / 100 == pytest.approx(919.35)


def test_the_co2_record_has_526_months_of_which_five_are_missing() -> None:
    co2 = values("mauna-loa-co2.csv")
    assert len(co2) == 526
    missing = [f"{time:.2f}" for time, value in co2.items() if math.isnan(value)]
    assert missing == ["1958.46", "1958.79", "1964.12", "1964.21", "1964.29"]
    measured = [value for value in co2.values() if not math.isnan(value)]
    assert 312 < min(measured) < 314
    assert 373 < max(measured) < 375


def test_the_pacific_is_warmest_in_the_el_nino_of_1998() -> None:
    pacific = values("el-nino.csv")
    assert len(pacific) == 61 * 12
    warmest = max(pacific, key=lambda time: pacific[time])
    assert (warmest, pacific[warmest]) == (1998.2083, 29.24)


def test_every_data_file_is_named_among_the_sources() -> None:
    sources = (EXAMPLE / "data" / "SOURCES.md").read_text()
    files = sorted(path.name for path in (EXAMPLE / "data").glob("*.csv"))
    assert len(files) >= 3
    assert [name for name in files if f"## {name}" not in sources] == []


# The blueprints -------------------------------------------------------------------------------


def test_at_least_ten_analyses_stand_without_a_strategy() -> None:
    analyses = documents("analyses.yaml") + documents("overview.yaml")
    assert len(analyses) >= 10
    assert not any("strategy" in document for document in analyses)


def test_all_three_kinds_of_analysis_are_there() -> None:
    analyses = documents("analyses.yaml") + documents("overview.yaml")
    assert any(a["kind"] == "analysis" and "needs" in a for a in analyses)
    assert any(a["kind"] == "analysis" and "analyses" in a for a in analyses)
    assert any(a["kind"] == "projectanalysis" for a in analyses)


def test_an_override_of_one_key_leaves_its_neighbours(quickstart: dict[str, Analysis]) -> None:
    boxcar = quickstart["el-nino/spectrum-boxcar"].meta
    assert (boxcar["spectrum"]["window"], boxcar["spectrum"]["padding"]) == ("boxcar", 4)
    assert boxcar["detrending"] == {"degree": 1, "taper": 0.05, "fill": "linear"}
    assert quickstart["mauna-loa-co2/detrend"].meta["detrending"]["degree"] == 2


# The science ----------------------------------------------------------------------------------


@pytest.mark.parametrize("window", ["hann", "boxcar"])
@pytest.mark.parametrize(
    ("subject", "shortest", "longest"),
    [
        ("sunspots", 10.5, 11.5),
        ("mauna-loa-co2", 0.995, 1.005),
        ("el-nino", 0.995, 1.005),
    ],
)
def test_the_known_cycle_comes_out(
    quickstart: dict[str, Analysis], subject: str, window: str, shortest: float, longest: float
) -> None:
    peak = asset(quickstart, f"{subject}/spectrum-{window}", "spectrum")["peak"]
    assert shortest < peak["period"] < longest
    assert peak["chance in white noise"] < 1e-6


def test_the_nile_has_no_cycle_like_the_others(quickstart: dict[str, Analysis]) -> None:
    shares = {
        subject: asset(quickstart, f"{subject}/spectrum-hann", "spectrum")["peak"][
            "share of variance"
        ]
        for subject in ("sunspots", "mauna-loa-co2", "nile", "el-nino")
    }
    assert min(shares, key=lambda subject: shares[subject]) == "nile"
    peak = asset(quickstart, "nile/spectrum-hann", "spectrum")["peak"]
    assert peak["chance in white noise"] > 0.5
    agree = {
        subject: asset(quickstart, f"{subject}/compare", "comparison")["agree"]
        for subject in shares
    }
    assert [subject for subject, same in agree.items() if not same] == ["nile"]


def test_the_missing_months_are_filled_and_counted(quickstart: dict[str, Analysis]) -> None:
    report = asset(quickstart, "mauna-loa-co2/detrend", "report")
    assert (report["values"], report["filled"], report["degree"]) == (526, 5, 2)
    assert 50 < report["trend from first to last"] < 60
    assert report["standard deviation after"] < 3 < report["standard deviation before"]


def test_a_spectrum_holds_the_variance_of_its_series(quickstart: dict[str, Analysis]) -> None:
    for subject in ("sunspots", "mauna-loa-co2", "nile", "el-nino"):
        spectrum = asset(quickstart, f"{subject}/spectrum-boxcar", "spectrum")
        report = asset(quickstart, f"{subject}/detrend", "report")
        total = sum(spectrum["power"]) * spectrum["frequency"][1]
        assert total == pytest.approx(report["standard deviation after"] ** 2, rel=1e-3)


def test_a_comparison_shows_every_setting_and_their_spread(
    quickstart: dict[str, Analysis],
) -> None:
    for subject in ("sunspots", "mauna-loa-co2", "nile", "el-nino"):
        comparison = asset(quickstart, f"{subject}/compare", "comparison")
        rows = comparison["analyses"]
        assert {name: row["window"] for name, row in rows.items()} == {
            "spectrum-hann": "hann",
            "spectrum-boxcar": "boxcar",
        }
        periods = [row["period"] for row in rows.values()]
        assert comparison["spread"] == pytest.approx(max(periods) - min(periods), abs=1e-5)


def test_the_overview_tabulates_all_subjects(quickstart: dict[str, Analysis]) -> None:
    table = asset(quickstart, "overview", "table")
    assert set(table) == {"sunspots", "mauna-loa-co2", "nile", "el-nino"}
    for subject, row in table.items():
        spectrum = asset(quickstart, f"{subject}/spectrum-hann", "spectrum")
        assert row["period"] == spectrum["peak"]["period"]


def test_the_plot_is_a_png_of_a_talk_s_size(quickstart: dict[str, Analysis]) -> None:
    content = Path(quickstart["overview"].assets["plot"]).read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", content[16:24]) == (1600, 1000)
    assert len(content) < 300_000


@pytest.mark.long
def test_the_same_data_give_the_same_bytes(quickstart: dict[str, Analysis], tmp_path: Path) -> None:
    for name in ("mauna-loa-co2/detrend", "nile/spectrum-hann", "sunspots/compare", "overview"):
        first = quickstart[name]
        again = Analysis(first.name, first.subject, first.meta, tmp_path / name, first.inputs)
        run_analysis(again)
        for file in first.meta["outputs"].values():
            assert (again.rundir / file).read_bytes() == (first.rundir / file).read_bytes()


@pytest.mark.parametrize("settings", [{}, {"window": "boxcar"}, {"segments": 3}])
def test_a_known_period_is_found_between_the_frequencies(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    time = np.arange(300) * 0.25
    result = spectrum_of(tmp_path, time, 3 * np.sin(2 * np.pi * time / 4.321), **settings)
    assert result["peak"]["period"] == pytest.approx(4.321, rel=2e-3)
    assert result["peak"]["share of variance"] > 0.7
    total = sum(result["power"]) * result["frequency"][1]
    assert total == pytest.approx(3**2 / 2, rel=0.05)


def test_white_noise_is_not_taken_for_a_cycle(tmp_path: Path) -> None:
    noise = np.random.default_rng(20).normal(size=400)
    peak = spectrum_of(tmp_path, np.arange(400.0), noise)["peak"]
    assert peak["chance in white noise"] > 0.05


def test_a_gap_is_filled_without_the_trend_and_a_taper_ends_at_zero(tmp_path: Path) -> None:
    time = np.arange(100.0)
    value = 5 + 2 * time
    value[40:50] = np.nan
    series = write_series(tmp_path / "in.csv", time, value)
    settings = {"degree": 1, "taper": 0.1, "fill": "linear"}
    config = write_config(tmp_path / "c.ini", detrending=settings, series={"unit": "m"})
    done = script("detrend.py", "--config", config, "--series", series, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "detrended.json").read_text())
    assert report["filled"] == 10
    assert report["standard deviation after"] == pytest.approx(0, abs=1e-6)
