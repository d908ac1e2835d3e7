"""Analyses of gravitational-wave data: which they are, what follows from their settings."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asimov.compat.gravitational_waves.analyses import (
    GravitationalWaveProjectAnalysis,
    GravitationalWaveSubjectAnalysis,
    GravitationalWaveTransient,
)
from asimov.compat.gravitational_waves.settings import complete, marks
from asimov.discovery import entrypoints, extensions
from asimov.errors import AsimovError
from asimov.ledger import fields_of_science
from asimov.project.analysis import ProjectAnalysis, SimpleAnalysis, SubjectAnalysis
from asimov.project.git.repository import AsimovFileNotFound
from asimov.settings import BaseSettings
from asimov.settings.merging import copied
from tests.lab import Lab, lab, simple

__all__ = ["lab", "simple"]


def completed(**settings: Any) -> dict[str, Any]:
    """Return settings with what follows from them; underscores stand for spaces."""
    given = {key.replace("_", " "): value for key, value in settings.items()}
    complete(given)
    return given


def apply(lab: Lab, text: str) -> None:
    path = lab.root / "blueprint.yaml"
    path.write_text(text)
    lab.run("apply", "-f", path)


# --- marks


@pytest.mark.parametrize(
    "settings",
    [
        {"interferometers": ["H1"]},
        {"ligo": {}},
        {"event time": 1126259462.4},
        {"event time": 1126259462},
        {"data": {"channels": {"H1": "GWOSC", "L1": "GWOSC"}}},
        {"data": {"frame types": {"V1": "V1Online"}}},
    ],
)
def test_settings_with_a_mark(settings: dict[str, Any]) -> None:
    assert marks(settings)
    assert fields_of_science.kind("simple", settings) is GravitationalWaveTransient


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"interferometers": []},
        {"interferometers": None},
        {"event time": "2020-01-01T00:00:00"},
        {"event time": True},
        {"data": "file.csv"},
        {"data": None},
        {"data": {"channels": ["Fp1", "Fp2"]}},
        {"data": {"channels": {"Fp1": "left", "H1": "right"}}},
        {"data": {"channels": {}}},
        {"data": {"channels": {1: "one"}}},
        {"quality": {"minimum frequency": 3}, "psds": {}, "priors": {}, "likelihood": {}},
    ],
)
def test_settings_without_a_mark_stay_as_they_are(settings: dict[str, Any]) -> None:
    before = json.dumps(settings)
    assert not marks(settings)
    assert fields_of_science.complete(settings) is settings
    assert json.dumps(settings) == before
    assert fields_of_science.kind("simple", settings) is None


# --- what follows


def test_what_templates_take_for_granted_is_there() -> None:
    assert completed(ligo={}) == {
        "ligo": {},
        "scheduler": {},
        "sampler": {},
        "likelihood": {"marginalization": {}},
        "data": {"data files": {}},
        "waveform": {},
    }
    assert completed(ligo={}, sampler=None)["sampler"] == {}


@pytest.mark.parametrize("name", ["minimum frequency", "maximum frequency"])
def test_frequencies_of_the_quality_are_the_likelihood_s_too(name: str) -> None:
    made = completed(quality={name: {"H1": 20}})
    assert made["likelihood"][name] == made["quality"][name] == {"H1": 20}
    assert made["likelihood"][name] is not made["quality"][name]


def test_frequencies_of_the_likelihood_win_detector_by_detector() -> None:
    made = completed(
        quality={"minimum frequency": {"H1": 20, "L1": 21}},
        likelihood={"minimum frequency": {"H1": 30}},
    )
    assert made["likelihood"]["minimum frequency"] == {"H1": 30, "L1": 21}
    assert made["quality"]["minimum frequency"] == {"H1": 20, "L1": 21}


def test_the_highest_frequency_follows_from_the_sample_rate() -> None:
    made = completed(interferometers=["H1", "L1"], likelihood={"sample rate": 4096})
    assert made["likelihood"]["maximum frequency"] == {"H1": 1792, "L1": 1792}
    made = completed(
        interferometers=["H1", "L1"],
        likelihood={"sample rate": 1024.0},
        quality={"maximum frequency": {"H1": 300}},
    )
    assert made["likelihood"]["maximum frequency"] == {"H1": 300, "L1": 448}
    assert (
        "maximum frequency" not in completed(ligo={}, likelihood={"sample rate": 1})["likelihood"]
    )


def test_the_start_of_the_segment_follows_from_the_time_of_the_event() -> None:
    given: dict[str, Any] = {"event_time": 1000.5, "data": {"segment length": 8}}
    assert completed(**copied(given), quality={})["likelihood"]["segment start"] == 994.5
    assert "segment start" not in completed(**copied(given))["likelihood"]
    elsewhere = completed(**copied(given), quality={"segment start": 3})
    assert "segment start" not in elsewhere["likelihood"]
    own = completed(**copied(given), quality={}, likelihood={"segment start": 3})
    assert own["likelihood"]["segment start"] == 3


def test_the_waveform_has_what_older_blueprints_have_elsewhere() -> None:
    made = completed(approximant="A", likelihood={"reference frequency": 20})
    assert made["waveform"] == {"approximant": "A", "reference frequency": 20}
    assert made["approximant"] == "A"
    made = completed(approximant="A", waveform={"approximant": "B"})
    assert made["waveform"]["approximant"] == "B"


def test_nonsense_is_left_to_the_pipeline() -> None:
    assert completed(ligo={}, likelihood=3)["likelihood"] == 3
    assert completed(ligo={}, quality=3)["quality"] == 3
    assert completed(interferometers="H1", likelihood={"sample rate": 2})["interferometers"] == "H1"


def test_completing_twice_is_completing_once() -> None:
    made = completed(
        interferometers=["H1"],
        event_time=10,
        data={"segment length": 4},
        quality={"minimum frequency": {"H1": 20}},
        likelihood={"sample rate": 2048},
    )
    again = copied(made)
    complete(again)
    assert again == made


# --- in a project

EVENT = """
kind: event
name: s
interferometers: [H1, L1, V1]
event time: 1126259462.4
data: {segment length: 4}
quality: {minimum frequency: {H1: 20, L1: 20, V1: 20}}
"""


def test_every_kind_of_analysis_has_its_class(lab: Lab) -> None:
    apply(
        lab,
        EVENT
        + """
---
{kind: analysis, event: s, name: a, pipeline: simpletestpipeline}
---
{kind: analysis, event: s, name: over, pipeline: subjecttestpipeline, analyses: [a]}
---
{kind: projectanalysis, name: all, pipeline: projecttestpipeline, subjects: [s], analyses: [a]}
---
{kind: projectanalysis, name: marked, pipeline: projecttestpipeline, subjects: [s], ligo: {}}
---
{kind: subject, name: t}
---
{kind: analysis, event: t, name: a, pipeline: simpletestpipeline}
---
{kind: analysis, event: t, name: b, pipeline: simpletestpipeline, interferometers: [H1]}
---
{kind: analysis, event: t, name: over, pipeline: subjecttestpipeline, analyses: [a]}
""",
    )
    workspace = lab.open()
    kinds = {key: type(workspace.analysis(key)) for key in workspace.contents.entries}
    assert kinds == {
        ("s", "a"): GravitationalWaveTransient,
        ("s", "over"): GravitationalWaveSubjectAnalysis,
        ("t", "a"): SimpleAnalysis,
        ("t", "b"): GravitationalWaveTransient,
        ("t", "over"): SubjectAnalysis,
        ("project-analyses", "all"): ProjectAnalysis,
        ("project-analyses", "marked"): GravitationalWaveProjectAnalysis,
    }
    for kind in kinds.values():
        assert issubclass(kind, (SimpleAnalysis, SubjectAnalysis, ProjectAnalysis))


def test_ledger_show_and_templates_see_what_follows_and_from_what_it_is(lab: Lab) -> None:
    apply(lab, EVENT + "analyses: [{name: a, pipeline: simpletestpipeline}]\n")
    (told,) = json.loads(lab.run("ledger", "show", "s", "a", "--json").out)
    assert told["settings"]["likelihood"]["minimum frequency"] == {"H1": 20, "L1": 20, "V1": 20}
    assert told["from"]["likelihood: minimum frequency: H1"] == "follows from other settings"
    assert told["from"]["quality: minimum frequency: H1"] == "subjects/s.yaml"
    workspace = lab.open()
    assert workspace.analysis(("s", "a")).meta == told["settings"] == workspace.settings(("s", "a"))
    assert "likelihood" not in workspace.subject("s").meta


def test_what_follows_can_be_needed(lab: Lab) -> None:
    analyses = """
analyses:
- {name: a, pipeline: simpletestpipeline, approximant: X}
- {name: b, pipeline: simpletestpipeline, waveform: {approximant: Y}}
- {name: c, pipeline: simpletestpipeline, needs: [waveform.approximant: X]}
"""
    apply(lab, EVENT + analyses)
    assert lab.rows()["c"]["waiting_for"] == ["a is ready"]


def test_nothing_that_follows_is_kept(lab: Lab, simple: Any) -> None:
    class Writing(simple):  # type: ignore[misc]
        def before_config(self, dryrun: bool = False) -> None:
            self.production.meta["likelihood"]["maximum frequency"] = {"H1": 500}
            self.production.meta["likelihood"]["new"] = 1

    lab.register("writing", Writing)
    apply(lab, EVENT + "analyses: [{name: a, pipeline: writing, likelihood: {sample rate: 2048}}]")
    lab.run("manage", "build")
    workspace = lab.open()
    assert workspace.facts == {
        ("s", "a"): {"likelihood": {"maximum frequency": {"H1": 500}, "new": 1}}
    }
    assert workspace.settings(("s", "a"))["likelihood"]["maximum frequency"] == {
        "H1": 500, "L1": 896, "V1": 896,
    }  # fmt: skip


def test_a_changed_setting_changes_what_follows(lab: Lab) -> None:
    apply(lab, EVENT + "analyses: [{name: a, pipeline: simpletestpipeline}]\n")
    lab.run("manage", "build")
    path = lab.root / "ledger" / "subjects" / "s.yaml"
    path.write_text(path.read_text().replace("H1: 20", "H1: 30"))
    frequencies = lab.open().settings(("s", "a"))["likelihood"]["minimum frequency"]
    assert frequencies == {"H1": 30, "L1": 20, "V1": 20}


def test_a_plain_project_is_as_if_there_were_no_fields(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(
        lab,
        """
{kind: configuration, quality: {minimum frequency: 3}, sampler: {live points: 10}}
---
{kind: subject, name: s, data: {file: river.csv, channels: [one, two]}, event time: 2020-01-01}
---
{kind: analysis, event: s, name: a, pipeline: simpletestpipeline, approximant: linear}
""",
    )
    with_fields = lab.run("ledger", "show", "--json").out
    analysis = lab.open().analysis(("s", "a"))
    assert type(analysis) is SimpleAnalysis
    assert not [name for name in dir(analysis) if "psd" in name or "coinc" in name]
    monkeypatch.setattr(extensions, "every", lambda group: [])
    assert lab.run("ledger", "show", "--json").out == with_fields


def test_a_plain_analysis_says_what_it_is_asked_for_and_when_it_would_have_it(
    lab: Lab, simple: Any
) -> None:
    class Asking(simple):  # type: ignore[misc]
        def before_config(self, dryrun: bool = False) -> None:
            print(self.production.psds)

    lab.register("asking", Asking)
    template = lab.root / "asking.ini"
    template.write_text("{% assign x = 1 %}\n{{ production.psds['H1'] }}\n")
    apply(
        lab,
        """
{kind: subject, name: s}
---
{kind: analysis, event: s, name: a, pipeline: asking}
---
{kind: analysis, event: s, name: b, pipeline: simpletestpipeline, template: asking.ini}
""",
    )
    told = lab.run("manage", "build", code=1)
    assert (
        "asking.before_config raised AttributeError: 'SimpleAnalysis' object has no attribute "
        "'psds'; an analysis has 'psds' where its settings hold 'interferometers'"
    ) in lab.reason("a")
    assert f"{template}:2: " in told.out + told.err
    assert "an analysis has 'psds' where its settings hold" in told.out + told.err


# --- what its analyses have


def event(lab: Lab, *analyses: str, more: str = "") -> Any:
    """Add analyses of the event s, and return a function that gives them."""
    listed = "".join(f"- {{{each}, pipeline: maker}}\n" for each in analyses)
    apply(lab, f"{EVENT}{more}\nanalyses:\n{listed}")
    workspace = lab.open()
    return lambda name: workspace.analysis(("s", name))


def makes(lab: Lab, simple: Any, **assets: Any) -> None:
    """Have the pipeline ``maker`` make assets, by the names of analyses."""

    class Maker(simple):  # type: ignore[misc]
        def collect_assets(self, absolute: bool = False) -> Any:
            return assets.get(self.production.name, {})

        @property
        def available_outputs(self) -> list[str]:  # type: ignore[override]
            return ["psd"] if self.production.name == "promising" else []

    lab.register("maker", Maker)


def test_quality_and_reference_frame(lab: Lab, simple: Any) -> None:
    makes(lab, simple)
    get = event(lab, "name: a", "name: b, interferometers: [V1]", "name: c, interferometers: []")
    assert get("a").quality == {"minimum frequency": {"H1": 20, "L1": 20, "V1": 20}}
    assert (get("a").reference_frame, get("b").reference_frame) == ("H1L1", "V1")
    with pytest.raises(AsimovError, match="s/c has no 'interferometers'"):
        _ = get("c").reference_frame


def test_priors_are_a_mapping_or_none(lab: Lab, simple: Any) -> None:
    makes(lab, simple)
    get = event(lab, "name: a", "name: b, priors: {default: P, x: {minimum: 1, maximum: 2}}")
    assert get("a").priors is None
    assert get("b").priors.default == "P"
    assert get("b").priors.to_dict()["x"] == {"minimum": 1, "maximum": 2}
    get("a").priors = {"x": {"minimum": 3}}
    assert get("a").meta["priors"] == {"x": {"minimum": 3}}
    get("a").priors = None
    assert get("a").priors is None
    with pytest.raises(AsimovError, match="priors: x: minimum"):
        get("a").priors = {"x": {"minimum": 3, "maximum": 2}}


def test_without_psds_there_are_none(lab: Lab, simple: Any) -> None:
    makes(lab, simple)
    a = event(lab, "name: a")("a")
    assert a.psds == a.xml_psds == a.get_psds() == {}
    assert a.get_psds("xml") == []


SUBJECTS_PSDS = "psds: {H1: s1, L1: s2}\nxml psds: {H1: x1}"


def test_psds_are_the_subject_s_where_no_others_are_made(lab: Lab, simple: Any) -> None:
    makes(lab, simple, frames={"data files": {"H1": "f"}})
    get = event(lab, "name: frames", "name: a, needs: [frames]", more=SUBJECTS_PSDS)
    assert get("a").psds == {"H1": "s1", "L1": "s2"}
    assert get("a").xml_psds == {"H1": "x1"}


def test_psds_of_a_needed_analysis_go_before_the_subject_s(lab: Lab, simple: Any) -> None:
    makes(lab, simple, noise={"psds": {"H1": "n1"}})
    get = event(lab, "name: noise", "name: a, needs: [noise]", more=SUBJECTS_PSDS)
    assert get("a").psds == {"H1": "n1"}
    assert get("a").xml_psds == {}


def test_psds_of_the_analysis_itself_go_before_all_and_are_not_mixed(lab: Lab, simple: Any) -> None:
    makes(lab, simple, noise={"psds": {"H1": "n1"}})
    get = event(lab, "name: noise", "name: a, needs: [noise], psds: {H1: own}", more=SUBJECTS_PSDS)
    assert get("a").psds == {"H1": "own"}
    assert get("a").meta["psds"] == {"H1": "own", "L1": "s2"}
    get("a").meta["psds"]["H1"] = "written"
    assert get("a").psds == {"H1": "written"}


def test_psds_that_several_make_are_told_unless_they_are_the_same(lab: Lab, simple: Any) -> None:
    makes(
        lab, simple, one={"psds": {"H1": "1"}}, two={"psds": {"H1": "2"}},
        same={"psds": {"H1": "1"}},
    )  # fmt: skip
    get = event(
        lab, "name: one", "name: two", "name: same",
        "name: a, needs: [one, two]", "name: b, needs: [one, same]",
    )  # fmt: skip
    with pytest.raises(AsimovError, match=r"several .* have made psds: one, two") as raised:
        _ = get("a").psds
    assert raised.value.hint == "narrow its 'needs', or set its own 'psds'"
    assert get("b").psds == {"H1": "1"}


@pytest.mark.parametrize("name", ["promising", "empty"])
def test_psds_that_should_have_been_made_are_told(lab: Lab, simple: Any, name: str) -> None:
    makes(lab, simple, empty={"psds": {}})
    get = event(lab, f"name: {name}", f"name: a, needs: [{name}]", more=SUBJECTS_PSDS)
    with pytest.raises(AsimovError, match=f"s/a: s/{name} has made no psds yet"):
        _ = get("a").psds


def test_psds_of_a_subject_analysis_are_those_of_what_it_is_made_over(
    lab: Lab, simple: Any
) -> None:
    makes(lab, simple, noise={"psds": {"H1": "n1"}})
    get = event(lab, "name: noise", "name: over, analyses: [noise]")
    assert get("over").psds == {"H1": "n1"}


def test_psds_by_sample_rate_are_those_of_the_likelihood(lab: Lab, simple: Any) -> None:
    makes(lab, simple)
    get = event(
        lab, "name: a, likelihood: {sample rate: 1024}",
        "name: b, likelihood: {sample rate: 2048.0}",
        "name: c, likelihood: {sample rate: 4096}", "name: d",
        more="psds: {1024: {H1: low}, '2048': {H1: high}}",
    )  # fmt: skip
    assert get("a").psds == {"H1": "low"}
    assert get("b").psds == {"H1": "high"}
    assert get("a").get_psds(sample_rate=2048) == {"H1": "high"}
    for name, rate in (("c", "4096"), ("d", "None")):
        with pytest.raises(AsimovError, match=f"no psds for a sample rate of {rate}") as raised:
            _ = get(name).psds
        assert raised.value.hint == "'likelihood: sample rate' should be one of: 1024, 2048"


def test_psds_that_a_pipeline_sets_hold_as_long_as_the_process(lab: Lab, simple: Any) -> None:
    makes(lab, simple)
    get = event(lab, "name: a", more=SUBJECTS_PSDS)
    get("a").psds = {"H1": "set"}
    get("a").xml_psds = {"L1": "set too"}
    assert get("a").psds == {"H1": "set"}
    assert get("a").get_psds("xml") == ["set too"]
    assert get("a").meta["psds"] == {"H1": "s1", "L1": "s2"}


def test_xml_psds_are_also_looked_for_in_the_repository(lab: Lab, simple: Any) -> None:
    makes(lab, simple)
    a = event(lab, "name: a, likelihood: {sample rate: 1024}")("a")
    folder = Path(a.repository.directory, "analyses", "psds", "1024")
    folder.mkdir(parents=True)
    for name in ("L1-psd.xml.gz", "H1-psd.xml.gz", "H1-psd.dat"):
        (folder / name).touch()
    assert a.get_psds("xml") == [str(folder / "H1-psd.xml.gz"), str(folder / "L1-psd.xml.gz")]
    with pytest.raises(
        ValueError, match="there are no PSDs in the format 'hdf5'; use 'ascii' or 'xml'"
    ):
        a.get_psds("hdf5")


def test_time_and_coinc_files_are_found_from_anywhere(
    lab: Lab, simple: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    makes(lab, simple)
    a = event(lab, "name: a")("a")
    with pytest.raises(AsimovFileNotFound):
        a.get_timefile()
    folder = Path(a.repository.directory, "analyses")
    folder.mkdir(parents=True)
    (folder / "gpstime.txt").touch()
    (folder / "coinc.xml").touch()
    monkeypatch.chdir(tmp_path)
    assert a.get_timefile() == str(folder / "gpstime.txt")
    assert a.get_coincfile() == str(folder / "coinc.xml")


def test_without_a_coinc_file_packages_see_an_error_that_they_know(lab: Lab, simple: Any) -> None:
    makes(lab, simple)
    a = event(lab, "name: a")("a")
    for kind in (ValueError, FileNotFoundError, AsimovError):
        with pytest.raises(kind, match="s has no coinc file"):
            a.get_coincfile()


def test_a_coinc_file_is_fetched_for_the_preferred_event(
    lab: Lab, simple: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = True

    class Source:
        def __init__(self, config: Any) -> None:
            assert config.get("general", "webroot")

        def fetch(self, identity: str, file: str) -> bytes:
            if broken:
                sys.exit("no such event")
            return f"{identity} {file}".encode()

    makes(lab, simple)
    point = SimpleNamespace(name="gracedb", load=lambda: Source, dist=None, value="test:Source")
    real: Callable[[str], dict[str, Any]] = entrypoints.found
    monkeypatch.setattr(
        entrypoints,
        "found",
        lambda group: {"gracedb": point} if group == entrypoints.FILESOURCE else real(group),
    )
    entrypoints.load.cache_clear()
    a = event(lab, "name: a", more="ligo: {preferred event: G1}")("a")
    with pytest.raises(AsimovError, match=r"filesource gracedb\.fetch raised SystemExit"):
        a.get_coincfile()
    broken = False
    path = Path(a.get_coincfile())
    assert path == Path(a.repository.directory, "analyses", "coinc.xml")
    assert path.read_text() == "G1 coinc.xml"
    assert a.get_coincfile() == str(path)
    entrypoints.load.cache_clear()


class Likelihood(BaseSettings):
    sample_rate: float
    maximum_frequency: dict[str, float] | None = None


class Settings(BaseSettings):
    likelihood: Likelihood
    sampler: str = "mh"


def test_what_follows_is_not_refused_by_a_settings_class(lab: Lab, simple: Any) -> None:
    class Declaring(simple):  # type: ignore[misc]
        settings = Settings

        def before_config(self, dryrun: bool = False) -> None:
            assert self.options.likelihood.maximum_frequency == {"H1": 896, "L1": 896, "V1": 896}

    lab.register("declaring", Declaring)
    apply(
        lab, EVENT + "analyses: [{name: a, pipeline: declaring, likelihood: {sample rate: 2048}}]"
    )
    lab.run("manage", "build")
    meta = lab.open().analysis(("s", "a")).meta
    assert meta["likelihood"].keys() == {"sample rate", "maximum frequency"}
    assert meta["sampler"] == "mh"
    assert meta["waveform"] == {}
