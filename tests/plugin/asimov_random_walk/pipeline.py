"""The pipeline: how a random walk is configured, built, submitted and recognised as complete."""

import sys
from pathlib import Path
from typing import Any

from asimov.pipeline import Pipeline, PipelineException

HERE = Path(__file__).parent
NODES = ("simulate", "summarise")


class RandomWalk(Pipeline):
    """Walks at random, then says how far the walkers came."""

    name = "randomwalk"
    config_template = HERE / "randomwalk.ini"

    def before_config(self, dryrun: bool = False) -> None:
        """Refuse settings that can't work before anything is built."""
        walk = self.production.meta.get("walk", {})
        for setting in ("walkers", "steps"):
            if not isinstance(walk.get(setting), int) or walk[setting] < 1:
                raise PipelineException(f"walk: {setting} should be a whole number from 1")
        walk.setdefault("seed", 1)  # what is written to the settings is kept

    def build_dag(self, dryrun: bool = False) -> None:
        """Write a DAG of two nodes: simulate, then summarise."""
        rundir = Path(self.production.rundir)
        files = {rundir / f"{node}.sub": self.submit_file(node) for node in NODES}
        files[self.dag_file] = "\n".join(
            [*(f"JOB {node} {rundir}/{node}.sub" for node in NODES),
             "PARENT simulate CHILD summarise", ""]
        )  # fmt: skip
        for path, text in files.items():
            if dryrun:
                print(f"write {path}:\n{text}")
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)

    def submit_file(self, node: str) -> str:
        """Return the submit description of a node, in HTCondor's language."""
        commands = {
            "universe": "vanilla",
            "executable": sys.executable,
            "arguments": f"{HERE}/walk.py {node} {self.production.config_file}",
            "initialdir": self.production.rundir,
            "output": f"{node}.out",
            "error": f"{node}.err",
            "log": "nodes.log",
            "request_cpus": 1,
            "request_memory": "128 MB",
            "request_disk": "10 MB",
        }
        return "\n".join([*(f"{key} = {value}" for key, value in commands.items()), "queue", ""])

    # submit_dag: the base class submits self.dag_file, which is <rundir>/<name>.dag

    def detect_completion(self) -> bool:
        """Say whether both files are there; asimov asks once the DAG has left the queue."""
        return not self.missing_outputs()

    def missing_outputs(self) -> list[str]:
        """Name the files that are not there, for the message of an analysis that is stuck."""
        return [path.name for path in self.products.values() if not path.exists()]

    def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
        """Return what later analyses may use, by name; all of it goes into the results store."""
        return {name: str(path) for name, path in self.products.items() if path.exists()}

    @property
    def products(self) -> dict[str, Path]:
        """The files that the two nodes write."""
        rundir = Path(self.production.rundir)
        return {"walks": rundir / "walks.json", "summary": rundir / "summary.json"}
