"""What pipelines for gravitational-wave data ask of their `production`, from end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asimov.analysis import GravitationalWaveTransient, SimpleAnalysis

from tests.lab import Lab

EVENT = """
kind: event
name: GW150914
interferometers: [H1, L1]
event time: 1126259462.4
data: {channels: {H1: a, L1: b}, frame types: {H1: fa, L1: fb}, segment length: 4}
quality: {minimum frequency: {H1: 20, L1: 21}}
likelihood: {sample rate: 2048}
psds: {H1: subject-H1.dat, L1: subject-L1.dat}
"""

TEMPLATE = """
{%- assign likelihood = production.meta['likelihood'] -%}
{%- assign ifos = production.meta['interferometers'] -%}
flow = { {% for ifo in ifos %}{{ifo}}:{{likelihood['minimum frequency'][ifo]}},{% endfor %} }
old = { {% for ifo in ifos %}{{ifo}}:{{production.quality['minimum frequency'][ifo]}},{% endfor %} }
fhigh = { {% for ifo in ifos %}{{ifo}}:{{likelihood['maximum frequency'][ifo]}},{% endfor %} }
start = {{ likelihood['segment start'] }}
psds = { {% for ifo in ifos %}{{ifo}}:{{production.psds[ifo]}},{% endfor %} }
{%- if production._previous_assets() contains "psds" %}
needed = {{ production._previous_assets()['psds']['H1'] }}
{%- endif %}
phase = {{ likelihood['marginalization']['phase'] | default: "False" }}
data = {% if production.meta['data']['data files'].size > 0 %}files{% else %}None{% endif %}
prior = {{ pipeline.get_prior_interface().convert() }}
frame = {{ production.reference_frame }}
memory = {{ production.meta['scheduler']['request memory'] | default: 4.0 }}
"""


def pipelines(lab: Lab, simple: Any) -> None:
    """Register two pipelines as packages have them: one makes PSDs, the other one uses them."""
    from asimov.priors import PriorInterface

    template = lab.root.parent / "estimation.ini"
    template.write_text(TEMPLATE)

    class Interface(PriorInterface):
        def convert(self) -> Any:
            return None if self.prior_dict is None else self.prior_dict.to_dict()

    class Spectra(simple):  # type: ignore[misc]
        name = "spectra"

        def collect_assets(self, absolute: bool = False) -> Any:
            made = {f: f"{self.production.rundir}/{f}.dat" for f in ("H1", "L1")}
            there = Path(self.production.rundir).exists()
            for each in map(Path, made.values() if there else ()):
                if not each.exists():  # one with a later time is taken as changed
                    each.touch()
            psds = made if there else {}
            return {**super().collect_assets(), "psds": psds}

    class Estimation(simple):  # type: ignore[misc]
        name = "estimation"
        config_template = str(template)

        def __init__(self, production: Any, category: str | None = None) -> None:
            super().__init__(production, category)
            # Some packages look into the old place while they are made.
            assert production.meta["quality"]["minimum frequency"]

        def get_prior_interface(self) -> Any:
            return Interface(self.production.priors)

    lab.register("spectra", Spectra)
    lab.register("estimation", Estimation)


def apply(lab: Lab, *analyses: str) -> None:
    text = EVENT
    for each in analyses:
        text += f"---\n{{kind: analysis, event: GW150914, name: {each}}}\n"
    path = lab.root / "blueprint.yaml"
    path.write_text(text)
    lab.run("apply", "-f", path)


def config(lab: Lab, name: str) -> str:
    return (lab.root / "checkouts" / "GW150914" / "analyses" / f"{name}.ini").read_text()


def test_a_configuration_is_rendered_from_the_settings_of_the_subject(
    lab: Lab, simple: Any
) -> None:
    pipelines(lab, simple)
    apply(lab, "a, pipeline: estimation, priors: {default: P, mass 1: {minimum: 1}}")
    lab.run("manage", "build")
    assert config(lab, "a") == (
        "flow = { H1:20,L1:21, }\n"
        "old = { H1:20,L1:21, }\n"
        "fhigh = { H1:896,L1:896, }\n"
        "start = 1126259460.4\n"
        "psds = { H1:subject-H1.dat,L1:subject-L1.dat, }\n"
        "phase = False\n"
        "data = None\n"
        "prior = {'default': 'P', 'mass 1': {'minimum': 1}}\n"
        "frame = H1L1\n"
        "memory = 4.0"
    )


def test_psds_that_a_needed_analysis_has_made_are_used(lab: Lab, simple: Any) -> None:
    pipelines(lab, simple)
    apply(lab, "noise, pipeline: spectra", "b, pipeline: estimation, needs: [noise]")
    lab.finish()
    made = lab.root / "working" / "GW150914" / "noise"
    assert f"psds = {{ H1:{made}/H1.dat,L1:{made}/L1.dat, }}\n" in config(lab, "b")
    assert f"needed = {made}/H1.dat\n" in config(lab, "b")


def test_the_analyses_are_of_the_class_that_packages_import(lab: Lab, simple: Any) -> None:
    pipelines(lab, simple)
    apply(lab, "a, pipeline: estimation")
    analysis = lab.open().analysis(("GW150914", "a"))
    assert type(analysis) is GravitationalWaveTransient
    assert isinstance(analysis, SimpleAnalysis)


def test_the_folder_of_configurations_is_known_by_its_published_name(lab: Lab, simple: Any) -> None:
    pipelines(lab, simple)
    from asimov.compat import globals as current

    assert current.config.get("general", "calibration_directory") == "analyses"
    lab.run("configuration", "update", "general/calibration_directory", "C01_offline")
    apply(lab, "a, pipeline: estimation")
    lab.run("manage", "build")
    assert (lab.root / "checkouts" / "GW150914" / "C01_offline" / "a.ini").exists()
    analysis = lab.open().analysis(("GW150914", "a"))
    assert analysis.category == analysis.pipeline.category == "C01_offline"


def test_psds_that_a_pipeline_writes_to_the_subject_reach_later_analyses(
    lab: Lab, simple: Any
) -> None:
    pipelines(lab, simple)

    class Fetching(simple):  # type: ignore[misc]
        def after_completion(self) -> None:
            event = self.production.event
            event.meta["psds"] = {"H1": "fetched-H1.dat", "L1": "fetched-L1.dat"}
            event.meta["data"]["calibration"] = {"H1": "cal.txt"}
            event.update_data()

    lab.register("fetching", Fetching)
    apply(lab, "fetch, pipeline: fetching", "a, pipeline: estimation, needs: [fetch]")
    lab.finish()
    assert "psds = { H1:fetched-H1.dat,L1:fetched-L1.dat, }\n" in config(lab, "a")
    assert lab.open().analysis(("GW150914", "a")).meta["data"]["calibration"] == {"H1": "cal.txt"}
    assert not lab.open().facts.get(("GW150914", "a"), {}).get("likelihood")
