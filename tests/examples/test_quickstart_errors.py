"""What the quickstart's scripts say when their input is wrong: one line, exit code 1."""

from __future__ import annotations

import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.examples.quickstart_scripts import EXAMPLE, script, write_config, write_series

np = pytest.importorskip("numpy")
pytestmark = pytest.mark.skipif(not find_spec("matplotlib"), reason="needs matplotlib")

DETREND = {"degree": 1, "taper": 0, "fill": "linear"}
SPECTRUM = {"window": "hann", "segments": 1, "padding": 4, "least_cycles": 3}
NILE = EXAMPLE / "data" / "nile.csv"


def failure(done: subprocess.CompletedProcess[str]) -> str:
    """Return the message of a script that failed; it must be one line."""
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    return done.stderr.strip()


def test_a_series_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.ini", detrending=DETREND, series={"unit": "m"})
    done = script("detrend.py", "--config", config, "--series", "no.csv", cwd=tmp_path)
    assert failure(done) == "detrend.py: no.csv: No such file or directory"
    assert [path.name for path in tmp_path.iterdir()] == ["c.ini"]


def test_a_configuration_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    for name in ("detrend.py", "spectrum.py"):
        done = script(name, "--config", "no.ini", "--series", NILE, cwd=tmp_path)
        assert failure(done) == f"{name}: no.ini: No such file or directory"
    for name in ("compare.py", "overview.py"):
        done = script(name, "--config", "no.ini", cwd=tmp_path)
        assert failure(done) == f"{name}: no.ini: No such file or directory"


def test_a_unit_that_differs_from_the_ledger_s_is_refused(tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.ini", detrending=DETREND, series={"unit": "litre"})
    done = script("detrend.py", "--config", config, "--series", NILE, cwd=tmp_path)
    assert failure(done).endswith("values are in 10^8 m^3, the ledger says litre")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"degree": "two"}, "[detrending] degree: 'two' is not of type int"),
        ({"degree": 99}, "[detrending] degree: 99 is not between 0 and 9"),
        ({"taper": 0.7}, "[detrending] taper: 0.7 is not between 0 and 0.5"),
        ({"fill": "zero"}, "[detrending] fill: 'zero' is neither linear nor none"),
        ({"fill": "none"}, "5 values are missing and [detrending] fill is none"),
    ],
)
def test_a_detrending_that_can_not_be_done_is_refused(
    tmp_path: Path, setting: dict[str, Any], message: str
) -> None:
    config = write_config(tmp_path / "c.ini", detrending=DETREND | setting, series={"unit": "ppmv"})
    co2 = EXAMPLE / "data" / "mauna-loa-co2.csv"
    done = script("detrend.py", "--config", config, "--series", co2, cwd=tmp_path)
    assert failure(done) == f"detrend.py: {message}"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"window": "lace"}, "'lace' is none of boxcar, hann, hamming, blackman"),
        ({"segments": 0}, "[spectrum] segments: 0 does not fit 100 values"),
        ({"padding": 0}, "[spectrum] padding: 0 is not between 1 and 64"),
        ({"least_cycles": 80}, "the spectrum has no peak in the range that is searched"),
    ],
)
def test_a_spectrum_that_can_not_be_made_is_refused(
    tmp_path: Path, setting: dict[str, Any], message: str
) -> None:
    config = write_config(tmp_path / "c.ini", spectrum=SPECTRUM | setting)
    series = write_series(tmp_path / "s.csv", np.arange(100.0), np.sin(np.arange(100.0)))
    done = script("spectrum.py", "--config", config, "--series", series, cwd=tmp_path)
    assert failure(done).endswith(message)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1,1\n2,x\n", ":4: expected time,value; got '2,x'"),
        ("1,1\n2,2\n", ": 2 values are too few; 8 are the least"),
        ("".join(f"{i * i},1\n" for i in range(9)), ": the times are not evenly spaced"),
    ],
)
def test_a_series_that_can_not_be_read_names_its_place(
    tmp_path: Path, rows: str, message: str
) -> None:
    series = tmp_path / "s.csv"
    series.write_text("# series: test\n# unit: m\n" + rows)
    config = write_config(tmp_path / "c.ini", spectrum=SPECTRUM)
    done = script("spectrum.py", "--config", config, "--series", series, cwd=tmp_path)
    assert failure(done) == f"spectrum.py: {series}{message}"


def test_an_overview_without_a_spectrum_says_whose(tmp_path: Path) -> None:
    config = write_config(
        tmp_path / "c.ini",
        overview={"title": "t"},
        **{"input nile/detrend": {"series": NILE, "comparison": "c.json"}},
    )
    done = script("overview.py", "--config", config, cwd=tmp_path)
    assert failure(done) == "overview.py: no analysis of nile gives a spectrum"
