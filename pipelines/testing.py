"""Test pipelines of each kind, for tests of plugins and of asimov itself.

Each builds a DAG with one node, which writes ``result.txt``: the name of the analysis, and the
results of its inputs. The setting ``seconds`` lets the node run longer, and ``exit code`` lets it
fail.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asimov.pipeline import Pipeline
from asimov.scheduler.jobs import submit_commands
from asimov.system.files import write_atomically


class SimpleTestPipeline(Pipeline):
    """Runs one analysis of a subject."""

    name = "simpletestpipeline"
    config_template = "test.ini"

    @property
    def result(self) -> Path:
        """The file that the node writes."""
        return Path(self.production.rundir, "result.txt")

    def build_dag(self, dryrun: bool = False) -> None:
        """Write the DAG, its submit file and the node's script."""
        meta = self.production.meta
        inputs = [str(each.assets["result"]) for each in self.production.inputs]
        script = [
            f"sleep {float(meta.get('seconds', 0))}",
            f"echo {self.production.key} > result.new",
            *(f"cat '{path}' >> result.new" for path in inputs),
            f"code={int(meta.get('exit code', 0))}",
            '[ "$code" -ne 0 ] || mv result.new result.txt',
            "exit $code",
        ]
        scheduler = submit_commands(meta.get("scheduler") or {})
        submit = {
            "executable": "/bin/sh",
            "arguments": "node.sh",
            "initialdir": self.production.rundir,
            "output": "node.out",
            "error": "node.err",
            "log": "node.log",
            **scheduler,
        }
        files = {
            "node.sh": "\n".join(script),
            "node.sub": "\n".join([*(f"{k} = {v}" for k, v in submit.items()), "queue"]),
            self.dag_file.name: f"JOB node {self.production.rundir}/node.sub",
        }
        if dryrun:
            print("\n".join(f"write {self.production.rundir}/{name}" for name in files))
            return
        for name, text in files.items():
            write_atomically(Path(self.production.rundir, name), text + "\n", sync=False)

    def detect_completion(self) -> bool:
        """Return whether the result exists."""
        return self.result.exists()

    def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
        """Return the result, if it exists."""
        return {"result": str(self.result)} if self.result.exists() else {}


class SubjectTestPipeline(SimpleTestPipeline):
    """Runs over several analyses of a subject."""

    name = "subjecttestpipeline"


class ProjectTestPipeline(SimpleTestPipeline):
    """Runs across subjects."""

    name = "projecttestpipeline"
