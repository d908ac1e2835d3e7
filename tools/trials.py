"""The trials of tools/try-published, and the documentation page with their outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

PUBLISHED = "0.8.0"
#: The names of the two programs on the page.
SIDES = ("here", PUBLISHED)
STEPS = ("loads", "builds", "submits", "completes")
HEADS = ("package", "version", "entry point", "program", "asimov", *STEPS, "stored", "jobs")


@dataclass(frozen=True)
class Trial:
    """A trial of one entry point of a package.

    Attributes
    ----------
    environment, package
        The name of its environment in ``tools/plugin-environment``, and its package.
    name, group
        The entry point.
    analyses
        Analyses from the blueprint, its own last; without any, it is only loaded.
    blueprint
        A file of ``tests/published/blueprints``.
    program
        The program that it starts.
    standin
        Why a stand-in from ``tests/published/standins`` replaces it; empty if the real one runs.
    beside
        A folder of ``tests/published/standins`` with another package to make importable.
    because
        For each of ``SIDES``, the known reason why it does not complete.
    """

    environment: str
    package: str
    name: str
    analyses: tuple[str, ...] = ()
    blueprint: str = "trials.yaml"
    program: str = ""
    standin: str = ""
    beside: str = ""
    because: tuple[str, str] = ("", "")
    group: str = "asimov.pipelines"

    @property
    def title(self) -> str:
        """Its name on the page."""
        kind = self.group.rpartition("hooks.")[2]
        return f"`{self.name}`" if kind == self.group else f"`{self.name}` ({kind})"


@dataclass
class Outcome:
    """How far a trial got with one of the programs.

    Attributes
    ----------
    steps
        ``yes`` or ``no`` for each step that was tried.
    stored
        Whether the results store has files of the analysis.
    jobs
        The number of submitted jobs, without nodes of DAGs.
    why
        The error at the first step that it did not reach.
    """

    steps: dict[str, str] = field(default_factory=dict)
    stored: str = "-"
    jobs: str = "-"
    why: str = ""

    @property
    def missed(self) -> str:
        """The first step that it tried and did not reach."""
        return next((step for step, said in self.steps.items() if said == "no"), "")


_BAYESWAVE = "bayeswave-to-lalinference.yaml"
_LACKING = "Its release lacks the module that its entry points name."
_OCCUPIED = (
    "It has put files into the run directory by then (`environment.json`, `environment-pip.txt`); "
    "bilby_pipe makes another folder beside one that it finds, and the DAG is in that."
)
_NO_INDEX = "is on no package index"
_APPLICATOR, _POSTMONITOR = "asimov.hooks.applicator", "asimov.hooks.postmonitor"
TRIALS = (
    Trial(
        "bilby", "bilby_pipe", "bilby", ("cheap",), "bilby.yaml", "bilby_pipe",
        because=("", _OCCUPIED),
    ),
    Trial("bilby", "bilby_pipe", "bilby_native"),
    Trial(
        "bilby", "bilby_pipe", "bilbyonline", ("online",), program="bilby_pipe_gracedb",
        because=("It needs the GraceDB service, which could not be reached.",) * 2,
    ),
    Trial(
        "bayeswave", "asimov-bayeswave", "bayeswave", ("psds",), _BAYESWAVE,
        "bayeswave_pipe", _NO_INDEX,
    ),
    Trial(
        "bayeswave", "asimov-lalinference", "lalinference", ("psds", "samples"), _BAYESWAVE,
        "lalinference_pipe", "is in lalsuite, and needs data", "pesummary",
    ),
    Trial(
        "gwdata", "asimov-gwdata", "gwdata", ("data",), program="gwdata",
        standin="asks servers for frames",
    ),
    Trial("pesummary", "asimov-pesummary", "fakecbcpipeline", ("fake",)),
    Trial(
        "pesummary", "asimov-pesummary", "pesummary", ("fake", "pages"), program="summarypages"
    ),
    Trial(
        "cogwheel", "asimov-cogwheel", "cogwheel", ("cogwheel",), program="cogwheelpipe",
        standin="needs cogwheel and data",
    ),
    Trial(
        "rift", "RIFT", "rift", ("rift",), program="util_RIFT_pseudo_pipe.py",
        standin="needs data and compiled programs",
    ),
    Trial(
        "bilby_tgr", "bilby_tgr", "bilbymdr", ("mdr",), program="bilby_pipe",
        standin="is given no simulated data by this template, and needs results of an earlier run",
    ),
    Trial("bilby_tgr", "bilby_tgr", "mdrflow", group=_APPLICATOR),
    Trial("bilby_tgr", "bilby_tgr", "tgrflow", group=_APPLICATOR),
    Trial("bilby_tgr", "bilby_tgr", "tgrflow", group=_POSTMONITOR),
    Trial("cbcflow", "cbcflow", "cbcflow", group=_APPLICATOR),
    Trial("cbcflow", "cbcflow", "cbcflow", group=_POSTMONITOR),
    Trial(
        "dingo", "dingo-gw", "dingo", ("dingo",), program="dingo_pipe",
        standin="needs a trained network",
    ),
    Trial("broken", "heron-model", "heron", because=(_LACKING,) * 2),
    Trial("broken", "heron-model", "heron injection", because=(_LACKING,) * 2),
)  # fmt: skip

_HEAD = """# Published packages that were tried

The outcome for every published package that was tried, with this asimov and with the published
{published}: the same packages, blueprints and programs, on one HTCondor pool. The script
`tools/try-published` ran on {date} and wrote this page
({system}).
[Porting a pipeline](porting-a-pipeline.md) says what that means for your own pipeline.

Each package has its own environment, and each entry point its own empty project. The script
applies a blueprint, then repeats `manage build`, `manage submit` and `monitor` until the analysis
has ended or nothing changes any more.

- **loads**: the entry point can be imported.
- **builds**: the configuration was created.
- **submits**: a job reached the queue, or the pipeline produced its output without one.
- **completes**: asimov reports the analysis as finished.
- **stored**: the results store has files of the analysis.
- **jobs**: the number of submitted jobs, without nodes of DAGs, but including those of needed
  analyses and of post-processing.
- `-`: not tried. Hooks, and a second name of the same pipeline, are only loaded.

A program with a star is a [stand-in](#stand-ins).
"""


def page(outcomes: Iterable[tuple[Trial, str, dict[str, Outcome]]], system: str, date: str) -> str:
    """Return the page.

    Parameters
    ----------
    outcomes
        Each trial, the version of its package, and its outcome with each of ``SIDES``.
    system
        The system, such as ``Python 3.11, HTCondor 25.0``.
    date
        The day, as YYYY-MM-DD.
    """
    listed = list(outcomes)
    rows, notes, standins = [], [], []
    for trial, version, came in listed:
        rows += [row(trial, version, side, came[side]) for side in SIDES]
        notes += [_note(trial, side, came[side]) for side in SIDES if came[side].missed]
        standins += [f"- `{trial.program}` {trial.standin}."] if trial.standin else []
    lines = [
        _HEAD.format(published=PUBLISHED, date=date, system=system),
        *(f"| {' | '.join(cells)} |" for cells in (HEADS, ["---"] * len(HEADS), *rows)),
        "\n## What went wrong\n\nIn the words of the program.\n",
        *(notes or ["Nothing."]),
        "\n## Stand-ins\n\nThey take the real programs' input, and write files where those do.\n",
        *(standins or ["None."]),
    ]
    return "\n".join(lines) + "\n"


def row(trial: Trial, version: str, side: str, came: Outcome) -> list[str]:
    """Return the cells of one trial with one of the programs."""
    star = "\\*" if trial.standin else ""
    program = f"`{trial.program}`{star}" if trial.program else "-"
    steps = [came.steps.get(step, "-") for step in STEPS]
    return [trial.package, version, trial.title, program, side, *steps, came.stored, came.jobs]


def _note(trial: Trial, side: str, came: Outcome) -> str:
    verb = came.missed.removesuffix("s")
    because = trial.because[SIDES.index(side)]
    note = f"- {trial.title} of {trial.package}, {side}, does not {verb}: {came.why}"
    return f"{note}\n  {because}" if because else note
