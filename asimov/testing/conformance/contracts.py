"""The table of contracts (rules) for pipelines, each with the scene (test run) that checks it."""

from __future__ import annotations

from dataclasses import dataclass

#: The scenes in order, with what happens in each.
SCENES = {
    "loading": "its class is loaded in a new process",
    "configuration": "its configuration is rendered, and nothing is submitted",
    "life": "it is built, submitted, and runs to its end",
    "restart": "its job is removed, its run directory cleared, and it is submitted again",
    "failure": "its job fails repeatedly, on a scheduler that only records",
}

#: The scene of contracts that every scene except loading checks.
EVERYWHERE = "every"


@dataclass(frozen=True)
class Contract:
    """One contract of a pipeline.

    Attributes
    ----------
    name
        Its name in reports and tests.
    sentence
        What has to hold. ``docs/testing-a-pipeline.md`` repeats it.
    scene
        The scene that checks it, or `EVERYWHERE`.
    """

    name: str
    sentence: str
    scene: str


_TABLE = {
    "loading": {
        "loads": "The class that the entry point names can be loaded, and has `build_dag`.",
        "import-writes-nothing": "Loading it writes no file.",
        "import-prints-nothing": "Loading it prints nothing to standard output.",
        "import-is-quick": "Loading it takes less than 10 seconds.",
        "name": "The entry point's name is the pipeline's `name` in lower case.",
        "settings-known": "A settings class is also published in the group `asimov.settings`, "
        "where it loads without the pipeline.",
    },
    "configuration": {
        "renders": "Its configuration renders with the minimal settings from its package.",
        "renders-again": "Rendering the configuration again gives the same text.",
        "rundir-untouched": "Nothing creates the run directory before `build_dag`.",
        "asked-early": "`collect_assets`, `collect_logs`, `samples`, `html` and `result_pages` may "
        "be called before the run.",
        "settings-enforced": "`asimov apply` refuses settings that its settings class does not "
        "declare.",
    },
    "life": {
        "dry-runs": "Dry runs change nothing: no file, no record, no job.",
        "builds-again": "A second call of `build_dag` gives the same files as one call.",
        "incomplete-before": "`detect_completion` is false before the job has run.",
        "job-number": "`submit_dag` submits, and returns the job number or sets "
        "`production.job_id`.",
        "tagged": "The job carries the tag of its attempt.",
        "one-job": "A submission creates exactly one job.",
        "running": "`while_running` and `check_progress` may be called while the job exists.",
        "complete-after": "`detect_completion` is true after the job has succeeded.",
        "completion-repeats": "`detect_completion` may be called again: it gives the same answer "
        "and changes nothing.",
        "assets-exist": "After completion, `collect_assets` names at least one asset, and all of "
        "them exist.",
        "outputs-made": "Its declared outputs, except optional ones, are among its assets.",
        "logs-found": "`collect_logs` returns the job's output, as texts by name.",
        "results-stored": "A complete analysis ends as `uploaded`, with its assets in the results "
        "store.",
    },
    "restart": {
        "ejects": "`eject_job` removes the job.",
        "cleans": "`clean` leaves no run directory.",
        "restarts": "After `clean`, the analysis can be built and submitted again.",
    },
    "failure": {
        "resurrects-bounded": "A job that fails repeatedly is resubmitted one job at a time, at "
        "most `max resurrections` times.",
    },
    EVERYWHERE: {
        "folder-kept": "Methods leave the working directory as it was.",
        "any-folder": "It works from any folder: answers do not depend on the working directory, "
        "assets are absolute paths, and nothing is written to the folder of the command.",
        "ledger-untouched": "It does not write to the ledger's files.",
        "returns": "Methods return: they neither end the process nor hang.",
    },
}

#: Every contract by its name.
CONTRACTS = {
    name: Contract(name, sentence, scene)
    for scene, of_scene in _TABLE.items()
    for name, sentence in of_scene.items()
}


def of_scene(scene: str) -> list[Contract]:
    """Return the contracts that a scene checks."""
    scenes = {scene} if scene == "loading" else {scene, EVERYWHERE}
    return [each for each in CONTRACTS.values() if each.scene in scenes]
