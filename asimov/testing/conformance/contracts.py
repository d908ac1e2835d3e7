"""What asimov relies on in a pipeline, contract by contract."""

from __future__ import annotations

from dataclasses import dataclass

#: The scenes in their order, with what happens in each.
SCENES = {
    "loading": "its class is loaded in a new process",
    "configuration": "its configuration is rendered, and nothing is submitted",
    "life": "it is built, submitted, and runs to its end",
    "restart": "its job is removed, its run directory cleared, and it is submitted again",
    "failure": "its job fails again and again, on a scheduler that only records",
}

#: The scene of contracts that are looked after in every scene but the first.
EVERYWHERE = "every"


@dataclass(frozen=True)
class Contract:
    """One thing that a pipeline has to keep to.

    Attributes
    ----------
    name
        By which reports and tests call it.
    sentence
        What has to hold; ``docs/testing-a-pipeline.md`` has the same.
    scene
        In which scene that is seen, or `EVERYWHERE`.
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
        "settings-known": "Settings that it declares as a class are published in the group "
        "`asimov.settings` too, and are known there without loading the pipeline.",
    },
    "configuration": {
        "renders": "Its configuration renders with the smallest settings that its package names.",
        "renders-again": "Rendered a second time, the configuration is the same.",
        "rundir-untouched": "The run directory is not made before `build_dag`.",
        "asked-early": "`collect_assets`, `collect_logs`, `samples`, `html` and `result_pages` may "
        "be asked before the run.",
        "settings-enforced": "`asimov apply` refuses what is not among the settings that it "
        "declares as a class.",
    },
    "life": {
        "dry-runs": "Dry runs touch nothing: no file, no record, no job.",
        "builds-again": "`build_dag` may be called again: it leaves what one call leaves.",
        "incomplete-before": "`detect_completion` is false before the job has run.",
        "job-number": "`submit_dag` submits, and says the job's number or sets "
        "`production.job_id`.",
        "tagged": "The job carries the tag of its attempt.",
        "one-job": "A submission makes one job.",
        "running": "`while_running` and `check_progress` may be called while the job is there.",
        "complete-after": "`detect_completion` is true after the job has ended well.",
        "completion-repeats": "`detect_completion` may be asked again: the answer is the same, and "
        "nothing changes.",
        "assets-exist": "After completion `collect_assets` names at least one asset, and all that "
        "it names exist.",
        "outputs-made": "The outputs that it declares, optional ones apart, are among its assets.",
        "logs-found": "`collect_logs` finds what the job has written, as texts by name.",
        "results-stored": "A complete analysis ends as `uploaded`, with its assets in the results "
        "store.",
    },
    "restart": {
        "ejects": "`eject_job` removes the job.",
        "cleans": "`clean` leaves no run directory.",
        "restarts": "After `clean` the analysis can be built and submitted again.",
    },
    "failure": {
        "resurrects-bounded": "A job that fails again and again is submitted again one job at a "
        "time, and no more often than `max resurrections` says.",
    },
    EVERYWHERE: {
        "folder-kept": "Methods leave the working directory as it was.",
        "any-folder": "It works from any folder: answers do not depend on the working directory, "
        "assets are absolute paths, and nothing is written where a command was started.",
        "ledger-untouched": "It does not write into the ledger's files.",
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
    """Return the contracts that a scene tells of."""
    scenes = {scene} if scene == "loading" else {scene, EVERYWHERE}
    return [each for each in CONTRACTS.values() if each.scene in scenes]
