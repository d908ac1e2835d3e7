"""PESummary as post-processing of one analysis: its job, its pages, and whether they are complete.

`PESummaryPipeline` is imported from `asimov.pipeline` by asimov-cogwheel, dingo-gw and RIFT, and
`PostPipeline` by bilby_tgr. `SummaryPages` serves pipelines that leave post-processing to the
base class, if the settings have ``postprocessing: pesummary:``.

The options are those of PESummary's program ``summarypages`` (its documentation, release 1.8).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from asimov.logs import logger
from asimov.pipeline import PipelineException
from asimov.project.storage.superseded import move_aside
from asimov.scheduler.jobs import JobDescription, submit_command
from asimov.scheduler.languages.quoting import join_words

#: Settings of ``postprocessing: pesummary:`` that are one option with a value each.
_WITH_VALUE = {
    "cosmology": "--cosmology",
    "redshift": "--redshift_method",
    "skymap samples": "--nsamples_for_skymap",
    "multiprocess": "--multi_process",
}
#: What a job asks for unless the settings (``scheduler:`` there) say otherwise.
_REQUESTS = {"request_memory": "8192MB", "request_disk": "8192MB"}


class SummaryPages:
    """The summary pages of an analysis: their files, and whether they are complete.

    Parameters
    ----------
    production
        The analysis.
    """

    def __init__(self, production: Any) -> None:
        self.production = production
        self.folder = Path(production.event.webdir, production.name, "pesummary")

    @property
    def metafile(self) -> Path:
        """The file of all samples, which PESummary writes last of its data."""
        return self.folder / "samples" / "posterior_samples.h5"

    def products(self) -> list[Path]:
        """Return the files for the results store, as far as they are there."""
        samples = self.metafile.parent
        names = [f"{self.production.name}_pesummary.dat", f"{self.production.name}_skymap.fits"]
        paths = [self.metafile, *(samples / name for name in names)]
        return [path for path in paths if os.path.lexists(path)]

    def complete(self) -> bool:
        """Return whether the file of samples exists and holds every analysis that it should.

        Older releases of PESummary write ``<name>_pesummary.dat`` instead. What a file holds can be
        seen only where the package `h5py` is installed.
        """
        if not self.metafile.is_file():
            old = self.metafile.with_name(f"{self.production.name}_pesummary.dat")
            return old.is_file()
        try:
            import h5py
        except ImportError:
            return True
        try:
            with h5py.File(self.metafile, "r") as file:
                labels = set(file)
        except OSError:  # cut short
            return False
        return bool(labels) and labels >= set(self._expected())

    def _expected(self) -> list[str]:
        """Return the labels that have to be in the file: of an analysis over others, theirs."""
        from asimov.project.analysis import SubjectAnalysis

        if not isinstance(self.production, SubjectAnalysis):
            return []
        resolved = getattr(self.production, "resolved_dependencies", None)
        return list(resolved or [each.name for each in self.production.analyses])

    def clear(self) -> None:
        """Move the pages aside, so that those of an earlier run don't pass for new ones."""
        move_aside(self.folder)


class PostPipeline:
    """The older base class of post-processing.

    Parameters
    ----------
    production
        The analysis.
    category
        The folder of its configuration in the subject's repository.

    Raises
    ------
    PipelineException
        Where the settings have nothing under ``postprocessing:`` for it.
    """

    name: ClassVar[str] = "postprocessing"

    def __init__(self, production: Any, category: str | None = None) -> None:
        self.production = production
        self.category = category or production.category
        self.logger = logger().getChild(f"{production.event.name}/{production.name}")
        settings = production.meta.get("postprocessing") or {}
        own = settings.get(self.name.lower())
        if not isinstance(own, Mapping):
            raise PipelineException(
                f"there are no settings 'postprocessing: {self.name.lower()}:' for the "
                f"post-processing of {production.name}"
            )
        self.meta: Mapping[str, Any] = own

    def __repr__(self) -> str:
        return self.name


class PESummaryPipeline(PostPipeline):
    """Summary pages of one analysis, as one job."""

    name = "PESummary"

    def submit_dag(self, dryrun: bool = False) -> int | None:
        """Submit ``summarypages`` for the samples of the analysis, and return its cluster.

        Parameters
        ----------
        dryrun
            Whether only to print the command.

        Raises
        ------
        PipelineException
            Where the program is not installed, or the analysis has no samples.
        """
        executable, words = self.executable(), self.arguments()
        if dryrun:
            print(" ".join([executable, *words]))
            return None
        folder = Path(self.production.rundir)
        folder.mkdir(parents=True, exist_ok=True)
        SummaryPages(self.production).clear()
        job = JobDescription(
            executable,
            output=folder / "pesummary.out",
            error=folder / "pesummary.err",
            log=folder / "pesummary.log",
            arguments=join_words(words),
            initialdir=str(folder),
            getenv="HOME, LANG, PATH, USER, LAL*",
            environment='"HDF5_USE_FILE_LOCKING=FALSE OMP_NUM_THREADS=1"',
            batch_name=f"PESummary/{self.production.event.name}/{self.production.name}",
            **self._commands(),
        )
        self.logger.info("PESummary: %s", " ".join([executable, *words]))
        return int(self.production.pipeline.scheduler.submit(job))

    def _commands(self) -> dict[str, Any]:
        commands = dict(_REQUESTS)
        commands["request_cpus"] = str(self.meta.get("multiprocess", 1))
        group = self.meta.get("accounting group")
        if group:
            commands["accounting_group"] = str(group)
            config = self.production.workspace.project.config
            commands["accounting_group_user"] = config.get("condor", "user")
        for key, value in (self.meta.get("scheduler") or {}).items():
            commands[submit_command(str(key))] = value
        return commands

    def executable(self) -> str:
        """Return the program: of the configuration ``pesummary/executable``, else as installed."""
        config = self.production.workspace.project.config
        environment = Path(config.get("pipelines", "environment"), "bin", "summarypages")
        named = config.get("pesummary", "executable", fallback="")
        for each in (named, str(environment), "summarypages"):
            found = shutil.which(each) if each else None
            if found:
                return str(Path(found).absolute())
        raise PipelineException(
            "the program 'summarypages' is not installed: install pesummary, or name the program "
            "with 'asimov configuration update pesummary/executable PATH'"
        )

    def arguments(self) -> list[str]:
        """Return the program's arguments, as far as the settings have them.

        Raises
        ------
        PipelineException
            Where there are no samples.
        """
        production = self.production
        root = production.workspace.project.root
        samples = _paths(production.pipeline.samples(), root)
        if not samples:
            raise PipelineException(f"{production.name} has no samples for PESummary")
        words = ["--webdir", str(SummaryPages(production).folder), "--labels", production.name]
        words += ["--gw", "--samples", *samples, "--config", production.config_file]
        words += [*self._of_waveform(), *self._of_settings()]
        data = production.meta.get("data") or {}
        curves = list((data.get("calibration") or {}).values())
        if calibration := _paths(curves, production.repository.directory):
            words += ["--calibration", *calibration]
        if psds := getattr(production, "psds", None):
            words += ["--psd", *(f"{ifo}:{Path(root, path)}" for ifo, path in psds.items())]
        return [*words, *map(str, self.meta.get("arguments") or ())]

    def _of_waveform(self) -> list[str]:
        meta = self.production.meta
        waveform = meta.get("waveform") or {}
        approximant = str(waveform.get("approximant", ""))
        words = ["--approximant", approximant] if approximant else []
        if "nrsur" in approximant.lower():
            words.append("--NRSur_fits")
        for place in ("likelihood", "quality"):
            low = (meta.get(place) or {}).get("minimum frequency")
            if low:
                words += ["--f_low", str(min(low.values()) if isinstance(low, Mapping) else low)]
                break
        if "reference frequency" in waveform:
            words += ["--f_ref", str(waveform["reference frequency"])]
        return words

    def _of_settings(self) -> list[str]:
        words = []
        for setting, option in _WITH_VALUE.items():
            if setting in self.meta:
                words += [option, str(self.meta[setting])]
        evolve = self.meta.get("evolve spins") or ()
        if "forwards" in evolve:
            words.append("--evolve_spins_forwards")
        if "backwards" in evolve:
            words += ["--evolve_spins_backwards", "precession_averaged"]
        if "precessing snr" in (self.meta.get("calculate") or ()):
            words.append("--calculate_precessing_snr")
        if self.meta.get("regenerate"):
            words += ["--regenerate", *map(str, self.meta.get("regenerate posteriors") or ())]
        return words


def _paths(files: Any, base: str | Path) -> list[str]:
    """Return absolute paths of one file or several."""
    if isinstance(files, (str, Path)):
        files = [files]
    if isinstance(files, Mapping) or not isinstance(files, Iterable):
        return []
    return [str(Path(base, file)) for file in files if isinstance(file, (str, Path))]
