"""Post-processing by PESummary, with a stand-in for its program: the base class does it all."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.compat.pesummary import PESummaryPipeline, SummaryPages
from tests.lab import Lab

#: Writes what PESummary would, and what it was called with.
PROGRAM = f"""#!{sys.executable}
import sys
from pathlib import Path
import h5py
given = sys.argv[1:]
Path("called").write_text("\\n".join(given))
folder = Path(given[given.index("--webdir") + 1], "samples")
folder.mkdir(parents=True)
if "--fail" in given:
    sys.exit(3)
if "--nothing" not in given:
    with h5py.File(folder / "posterior_samples.h5", "w") as file:
        file.create_group(given[given.index("--labels") + 1])
"""
SETTINGS = """
kind: postprocessing
postprocessing:
  pesummary:
    accounting group: some.group
    cosmology: Planck15_lal
    evolve spins: [forwards, backwards]
    multiprocess: 2
    redshift: exact
    skymap samples: 100
    calculate: [precessing snr]
    regenerate: true
    regenerate posteriors: [redshift, mass_1_source]
"""
SAMPLED = """
waveform: {approximant: NRSur7dq4, reference frequency: 20},
quality: {minimum frequency: {H1: 30, L1: 15}}
"""


class Sampling(SimpleTestPipeline):
    """Leaves post-processing to the base class."""

    def samples(self, absolute: bool = False) -> Any:
        return [str(self.result)]

    def after_completion(self) -> None:
        self.run_pesummary()


class Older(Sampling):
    """Submits post-processing as packages for older releases do."""

    def after_completion(self) -> None:
        post = PESummaryPipeline(production=self.production)
        cluster = post.submit_dag()
        self.production.meta["job id"] = int(cluster)
        self.production.status = "processing"


@pytest.fixture
def post(lab: Lab, tmp_path: Path) -> Callable[..., Lab]:
    """Add the analysis ``a`` of a pipeline with settings of post-processing."""
    program = tmp_path / "summarypages"
    program.write_text(PROGRAM)
    program.chmod(0o755)

    def begin(pipeline: type = Sampling, more: str = "", settings: str = SETTINGS) -> Lab:
        lab.register("sampling", pipeline)
        lab.run("configuration", "update", "pesummary/executable", program)
        (lab.root / "post.yaml").write_text(settings + (f"    {more}\n" if more else ""))
        lab.run("apply", "-f", "post.yaml")
        lab.apply(f"a, pipeline: sampling, {' '.join(SAMPLED.split())}")
        return lab

    return begin


@pytest.mark.parametrize("pipeline", [Sampling, Older])
def test_pages_are_made_and_stored(post: Callable[..., Lab], pipeline: type) -> None:
    lab = post(pipeline)
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
    metafile = lab.root / "pages" / "s" / "a" / "pesummary" / "samples" / "posterior_samples.h5"
    with h5py.File(metafile) as file:
        assert set(file) == {"a"}
    stored = lab.root / "results" / "s" / "a"
    assert (stored / "posterior_samples.h5").read_bytes() == metafile.read_bytes()
    assert (stored / "result.txt").exists()
    events = lab.run("log", "s", "a").out
    assert "processing" in events


def test_the_program_is_told_what_the_settings_have(post: Callable[..., Lab]) -> None:
    lab = post()
    lab.finish()
    given = (lab.rundir("a") / "called").read_text().split("\n")
    assert given == [
        "--webdir", str(lab.root / "pages" / "s" / "a" / "pesummary"), "--labels", "a", "--gw",
        "--samples", str(lab.rundir("a") / "result.txt"), "--config", str(lab.config("a")),
        "--approximant", "NRSur7dq4", "--NRSur_fits", "--f_low", "15", "--f_ref", "20",
        "--cosmology", "Planck15_lal", "--redshift_method", "exact",
        "--nsamples_for_skymap", "100", "--multi_process", "2",
        "--evolve_spins_forwards", "--evolve_spins_backwards", "precession_averaged",
        "--calculate_precessing_snr", "--regenerate", "redshift", "mass_1_source",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("argument", "told"), [("--fail", "exit code 3"), ("--nothing", "exit code 0")]
)
def test_pages_that_are_not_there_are_no_completion(
    post: Callable[..., Lab], argument: str, told: str
) -> None:
    lab = post(more=f"arguments: [{argument}]")
    lab.finish(code=3)
    assert lab.states() == {"a": "stuck"}
    assert told in lab.reason("a")
    assert not (lab.root / "results" / "s" / "a").exists()


def test_a_restart_clears_the_pages_of_the_run_before(post: Callable[..., Lab]) -> None:
    lab = post()
    lab.finish()
    pages = lab.root / "pages" / "s" / "a" / "pesummary"
    assert pages.is_dir()
    lab.run("production", "set", "s", "a", "--status", "restart")
    lab.run("monitor")
    assert lab.states() == {"a": "ready"}
    assert not pages.exists()


def test_without_settings_for_it_the_analysis_is_stuck_and_says_so(
    post: Callable[..., Lab],
) -> None:
    lab = post(settings="kind: postprocessing\npostprocessing: {other: {}}\n")
    lab.finish(code=3)
    assert "there are no settings 'postprocessing: pesummary:'" in lab.reason("a")


def test_without_the_program_the_analysis_is_stuck_and_says_what_to_do(
    post: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = post()
    lab.run("configuration", "update", "pesummary/executable", "/nowhere/summarypages")
    lab.finish(code=3)
    assert "the program 'summarypages' is not installed" in lab.reason("a")


def test_pages_of_an_analysis_over_others_hold_every_label(lab: Lab) -> None:
    lab.register("sampling", Sampling)
    (lab.root / "post.yaml").write_text(SETTINGS)
    lab.run("apply", "-f", "post.yaml")
    lab.apply("a", "b", "both, pipeline: sampling, analyses: [a, b]")
    production = lab.open().analysis(("s", "both"))
    pages = SummaryPages(production)
    assert not pages.complete()
    pages.metafile.parent.mkdir(parents=True)
    pages.metafile.write_bytes(b"cut short")
    assert not pages.complete()
    for labels, complete in (("a", False), ("ab", True)):
        with h5py.File(pages.metafile, "w") as file:
            for label in labels:
                file.create_group(label)
        assert production.pipeline.detect_completion_processing() is complete
    pages.metafile.unlink()
    pages.metafile.with_name("both_pesummary.dat").touch()
    assert pages.complete()
