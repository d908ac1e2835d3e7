"""Stands in for a sampler that leaves post-processing to asimov's base class."""

from asimov_pesummary.testing import FakeCBCPipeline

from asimov.pipeline import Pipeline
from asimov.scheduler import JobDescription


class Sampler(FakeCBCPipeline):
    """Has the samples of asimov-pesummary's own stand-in, and a job; then it calls PESummary."""

    name = "sampler"

    def submit_dag(self, dryrun=False):
        logs = (f"{self.production.rundir}/sampler.{each}" for each in ("out", "err", "log"))
        return self.scheduler.submit(JobDescription("/bin/true", *logs))

    def after_completion(self):
        self.run_pesummary()

    detect_completion_processing = Pipeline.detect_completion_processing
