"""What tools/try-published tries, and the page that tells what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

PUBLISHED = "0.8.0"
#: The two programs, as the page calls them.
SIDES = ("here", PUBLISHED)
STEPS = ("loads", "builds", "submits", "completes")
HEADS = ("package", "version", "entry point", "program", "asimov", *STEPS, "stored", "jobs")


@dataclass(frozen=True)
class Trial:
    """An entry point of a package.

    Attributes
    ----------
    environment, package
        Where it is installed, a name of ``tools/plugin-environment``, and what publishes it.
    name, group
        The entry point.
    analyses
        Those that are taken from the blueprint, its own last; with none it is only loaded.
    blueprint
        A file of ``tests/published/blueprints``.
    program
        What it starts.
    standin
        Why one of ``tests/published/standins`` takes its place; empty where the real one runs.
    beside
        A folder of ``tests/published/standins`` with a package that is importable beside it.
    because
        What was found out, for each of ``SIDES``, of why it does not complete there.
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
        """How the page calls it."""
        kind = self.group.rpartition("hooks.")[2]
        return f"`{self.name}`" if kind == self.group else f"`{self.name}` ({kind})"


@dataclass
class Outcome:
    """How far a trial came with one of the programs.

    Attributes
    ----------
    steps
        ``yes`` or ``no`` for each step that was tried.
    stored
        Whether the results store has anything of the analysis.
    jobs
        How many jobs the queue got, nodes of DAGs apart.
    why
        What was said of the first step that is not reached.
    """

    steps: dict[str, str] = field(default_factory=dict)
    stored: str = "-"
    jobs: str = "-"
    why: str = ""

    @property
    def missed(self) -> str:
        """The first step that it was tried for and did not reach."""
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

What became of every published package that was tried, with this asimov and with the published
{published}: the same packages, blueprints and programs, on one HTCondor pool. The script
`tools/try-published` ran on {date} and wrote this page
({system}).
What it means for a pipeline of yours is in [Porting a pipeline](porting-a-pipeline.md).

Each package is in an environment of its own, and each entry point in an empty project. A blueprint
is applied; then `manage build`, `manage submit` and `monitor` are repeated until the analysis has
come to its end, or nothing more happens.

- **loads**: the entry point can be imported.
- **builds**: there is a configuration.
- **submits**: the queue got a job, or the pipeline made without one what it makes.
- **completes**: asimov says that the analysis has reached its end.
- **stored**: the results store has something of it.
- **jobs**: how many the queue got, without nodes of DAGs, with those of analyses that it needs and
  of post-processing.
- `-`: not tried. Hooks, and a second name of the same pipeline, are only loaded.

A program with a star is a [stand-in](#stand-ins).
"""


def page(told: Iterable[tuple[Trial, str, dict[str, Outcome]]], system: str, date: str) -> str:
    """Return the page.

    Parameters
    ----------
    told
        Each trial, its package's version, and how far it came with each of ``SIDES``.
    system
        Where it ran, such as ``Python 3.11, HTCondor 25.0``.
    date
        The day, as YYYY-MM-DD.
    """
    told = list(told)
    rows, notes, standins = [], [], []
    for trial, version, came in told:
        rows += [row(trial, version, side, came[side]) for side in SIDES]
        notes += [_note(trial, side, came[side]) for side in SIDES if came[side].missed]
        standins += [f"- `{trial.program}` {trial.standin}."] if trial.standin else []
    lines = [
        _HEAD.format(published=PUBLISHED, date=date, system=system),
        *(f"| {' | '.join(cells)} |" for cells in (HEADS, ["---"] * len(HEADS), *rows)),
        "\n## What went wrong\n\nIn the words of the program that said it.\n",
        *(notes or ["Nothing."]),
        "\n## Stand-ins\n\nThey take what the real programs get, and leave files where those do.\n",
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
