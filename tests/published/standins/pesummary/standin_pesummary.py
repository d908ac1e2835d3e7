"""Stands in for asimov-pesummary, as asimov-lalinference 0.1 uses it on its own analysis.

The published asimov-pesummary 0.2 wants samples of what the analysis needs, which is BayesWave here
and has none: it raises, with any asimov.
"""

import shutil
from pathlib import Path

from asimov.scheduler_utils import create_job_from_dict

from asimov import config
from asimov.pipeline import Pipeline


class PESummary(Pipeline):
    """Copies the samples to where PESummary leaves its own."""

    name = "PESummary"

    def __init__(self, production, category=None):
        self.production = production
        self._scheduler = None

    def submit_dag(self, dryrun=False):
        root = Path(config.get("project", "root"), config.get("general", "webroot"))
        pages = root / self.production.event.name / self.production.name / "pesummary"
        (pages / "samples").mkdir(parents=True, exist_ok=True)
        (samples,) = self.production.pipeline.samples()
        job = create_job_from_dict(
            {
                "executable": shutil.which("cp"),
                "arguments": f"{samples} {pages}/samples/posterior_samples.h5",
                "output": f"{self.production.rundir}/pesummary.out",
                "error": f"{self.production.rundir}/pesummary.err",
                "log": f"{self.production.rundir}/pesummary.log",
            }
        )
        return self.scheduler.submit(job)
