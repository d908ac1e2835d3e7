"""The base class of pipelines that describe their jobs as nodes; it builds, submits and retries."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from asimov.errors import AsimovError, SchedulerUnreachableError
from asimov.pipeline import node_record, progress
from asimov.pipeline.base import Pipeline
from asimov.pipeline.errors import PipelineException
from asimov.pipeline.node_record import NodeRecord, fingerprints
from asimov.pipeline.nodes import (
    NOT_COMMANDS,
    Input,
    Node,
    Numbered,
    by_pattern,
    check_nodes,
    dag_of,
    made_by,
)
from asimov.pipeline.run_folder import FOLDER
from asimov.pipeline.staging import InPlace, Staged, Staging, Transfer, mode_of
from asimov.project.shared_files import shares_files
from asimov.project.storage.superseded import move_aside, others
from asimov.scheduler.jobs import check_line, fault_of_text, submit_commands
from asimov.scheduler.languages.dag_outputs import done_nodes, rescue_files, write_rescue
from asimov.scheduler.languages.macros import PROCESS, TWO_DOLLARS, fault_of_macros, literal
from asimov.scheduler.languages.quoting import join_words
from asimov.system.files import write_atomically
from asimov.text import quoted

#: The setting that holds a seed which was drawn.
DRAWN = "drawn seed"
#: Seeds are below this: programs read them as 32-bit numbers.
_SEEDS = 2**31


class NodePipeline(Pipeline):
    """A pipeline whose jobs are nodes; `nodes` is all that it must define.

    One node is submitted by itself, several as a DAG. If some of them fail, a restart runs only
    those that have not succeeded, those whose description, program or inputs have changed, and
    those that come after them.
    """

    needs_success = True
    submits_by_program = False
    #: Whether its jobs use a seed: one is drawn where the ledger gives none.
    uses_seed: ClassVar[bool] = False
    progress_files: ClassVar[str] = "*.progress"
    #: What the jobs that were built last read, for the record of what they ran with.
    job_inputs: tuple[str, ...] = ()
    #: The same of those that were found with a pattern, by the pattern.
    job_patterns: Mapping[str, tuple[str, ...]] = {}
    #: The nodes that were built and are not submitted yet.
    _built: list[Node] | None = None
    _rundir: tuple[str, Path] | None = None

    def nodes(self) -> Iterable[Node]:
        """Return the jobs, each after those that it waits for."""
        raise PipelineException(f"the pipeline {self.name} does not describe its jobs")

    def kept(self, node: Node) -> Iterable[str]:
        """Return what stays in the run directory when a node runs again, besides its inputs.

        Parameters
        ----------
        node
            A node that has not succeeded.
        """
        return ()

    # --- what describes them

    @property
    def rundir(self) -> Path:
        """The run directory."""
        # Asked for many times for each job, and a Path takes long to make.
        name = self.production.rundir
        if self._rundir is None or self._rundir[0] != name:
            self._rundir = name, Path(name)
        return self._rundir[1]

    def run_file(self, name: str) -> Path:
        """Return the absolute path of a file in the run directory."""
        return self.rundir / name

    @property
    def seed(self) -> int | None:
        """The seed of the analysis, from the ledger or drawn at its first build, if it has one."""
        meta = self.production.meta
        seed = meta.get("seed")
        if seed is None and self.uses_seed:
            seed = meta.get(DRAWN)  # a seed that the ledger gives later wins
        if seed is None:
            return None
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise AsimovError(f"seed: should be a whole number of at least 0, not {quoted(seed)}")
        return seed

    def config_input(self, form: str = "{}") -> Input:
        """Return the rendered configuration as a word of the arguments."""
        return Input(self.production.config_file, form=form, text=True)

    # --- build and submit

    def before_config(self, dryrun: bool = False) -> None:
        """Draw a seed if the jobs use one and the ledger gives none; it is recorded."""
        if self.uses_seed and self.seed is None:
            self.production.meta[DRAWN] = secrets.randbelow(_SEEDS)

    def check_jobs(self) -> None:
        """Describe the jobs, and write nothing.

        Raises
        ------
        AsimovError
            If that can't be done.
        """
        try:
            nodes, staging = self._checked(), self._staging()
            self._check_dag(nodes, staging)
            self._described(nodes, staging)
        except SchedulerUnreachableError:
            return  # a build needs no scheduler
        except AsimovError:
            raise
        except Exception:  # `before_build`, which comes later, may make what it needs
            self.logger.debug("the jobs can't be described yet", exc_info=True)

    def build_dag(self, dryrun: bool = False) -> None:
        """Write a submit description for each node that is to run, and the DAG of several."""
        nodes = self._checked()
        staging = self._staging(keep=not dryrun)
        self._check_dag(nodes, staging)
        rundir = self.rundir
        marks = self._marks(nodes)
        done = self._still_done(nodes, marks)
        wanted = [node for node in nodes if node.name not in done]
        folders = {Path(output).parent for node in wanted for output in node.outputs}
        files, links = self._described(wanted, staging)
        if self._is_dag(nodes):
            files[self.dag_file.name] = dag_of(wanted)
        words = [each for node in nodes for each in (*node.inputs, *node.arguments)]
        made = made_by(nodes, rundir)
        read = [each for each in words if isinstance(each, Input) and each.path not in made]
        self.job_inputs = tuple(sorted({each.path for each in read}))
        self.job_patterns = by_pattern(read)
        if dryrun:
            for name, text in files.items():
                print(f"write {self.run_file(name)}:\n{text}")
            return
        if rundir.exists():
            # Outputs of an earlier attempt must not make this one look complete, and its rescue
            # file is for another DAG: beside a newer record, it would say of nodes that have
            # changed that they have succeeded.
            outputs = [rundir / each for node in wanted for each in node.outputs]
            move_aside(rundir, [*rescue_files(self.dag_file), *outputs])
        if self._is_dag(nodes):
            NodeRecord(marks, sorted(done)).write(rundir)
        for folder in {*folders, *(Path(each).parent for each in (*files, *links))}:
            (rundir / folder).mkdir(parents=True, exist_ok=True)
        for name, target in links.items():
            with suppress(FileNotFoundError):
                self.run_file(name).unlink()
            self.run_file(name).symlink_to(target)
        for name, text in files.items():
            write_atomically(self.run_file(name), text, sync=False)
            if text.startswith("#!"):
                self.run_file(name).chmod(0o755)
        self._built = nodes

    def submit_dag(self, dryrun: bool = False) -> int | None:
        """Submit the node, or the DAG of several."""
        nodes, self._built = self._built or self._checked(), None
        if self._is_dag(nodes):
            answer: int | None = super().submit_dag(dryrun)
            return answer
        submit_file = self._submit_file(nodes[0])
        if dryrun:
            print(f"submit {submit_file}")
            return None
        return self.scheduler.submit(str(submit_file))

    def _checked(self) -> list[Node]:
        nodes = list(self.nodes())
        check_nodes(nodes)
        if not nodes:
            raise PipelineException(f"the pipeline {self.name} describes no job")
        return nodes

    def _is_dag(self, nodes: list[Node]) -> bool:
        return len(nodes) > 1

    def _check_dag(self, nodes: list[Node], staging: Staging) -> None:
        if self._is_dag(nodes) and self.scheduler.spools() and not isinstance(staging, InPlace):
            raise PipelineException(
                f"it has {len(nodes)} nodes, and a DAG can't be spooled ([condor] spool): DAGMan "
                "needs the project's files on the schedd's machine"
            )

    def _submit_file(self, node: Node) -> Path:
        return self.run_file(f"{node.name}.sub")

    def _staging(self, *, keep: bool = False) -> Staging:
        mode, workspace = mode_of(self.production.meta), self.production.workspace
        # The embedded scheduler has no other machine.
        if mode == "shared" or self.scheduler.name == "local":
            return InPlace()
        spools = self.scheduler.spools()
        if mode == "auto" and not spools and shares_files(workspace, keep=keep):
            return InPlace()
        return Transfer(Path(workspace.project.root), self.rundir)

    def _described(
        self, nodes: list[Node], staging: Staging
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return the files and the links that nodes need in the run directory, by their names."""
        files: dict[str, str] = {}
        links: dict[str, str] = {}
        for node in nodes:
            staged = staging.stage(node)
            files[self._submit_file(node).name] = self._description(node, staged)
            files |= staged.texts
            links |= staged.links
        return files, links

    def _description(self, node: Node, staged: Staged) -> str:
        """Return the submit description of a node."""
        stem = _stem(node)
        seed = {} if self.seed is None else {"ASIMOV_SEED": str(self.seed)}
        own_progress = Numbered(f"{stem}.progress")
        environment = {progress.VARIABLE: own_progress, **seed, **staged.environment}
        commands = {
            "universe": "vanilla",
            "executable": literal(staged.executable),
            "arguments": join_words(map(_written, staged.arguments)),
            "environment": join_words(
                f"{literal(name)}={_written(value)}" for name, value in environment.items()
            ),
            "initialdir": literal(str(self.rundir)),
            "output": f"{stem}.out",
            "error": f"{stem}.err",
            "log": f"{node.name}.log",
            "batch_name": str(self.production.key),
            **node.commands,
            **{name: literal(value) for name, value in staged.commands.items()},
        }
        own = self._own_commands()
        if also := own.pop("transfer_input_files", ""):
            commands["transfer_input_files"] = ", ".join(
                filter(None, (commands.get("transfer_input_files", ""), also))
            )
        commands |= own
        if "checkpoint_exit_code" in own and "transfer_output_files" in staged.commands:
            commands.setdefault("transfer_checkpoint_files", FOLDER)
        words = [("argument", each) for each in staged.arguments]
        words += [("variable", f"{name}={value}") for name, value in environment.items()]
        words += [("submit command", f"{key} = {each}") for key, each in staged.commands.items()]
        for what, word in words:
            if fault := fault_of_text(word) or fault_of_macros(word):
                hint = "rename the file that it names, or write the value in another way"
                raise AsimovError(f"the {what} {quoted(word)} {fault}", hint=hint)
        if TWO_DOLLARS in commands["initialdir"] and self.scheduler.name != "local":
            raise AsimovError(
                "HTCondor can't run a job in a folder with '$$(' in its path",
                where=self.rundir,
                hint="move the project to a path without it",
            )
        for key, value in commands.items():
            check_line(key, value)
        lines = [f"{key} = {value}" for key, value in commands.items() if value not in ('""', "")]
        return "\n".join([*lines, f"queue {node.processes}", ""])

    def _own_commands(self) -> dict[str, str]:
        """Return the submit commands of the setting ``scheduler``."""
        settings = self.production.meta.get("scheduler") or {}
        return submit_commands({k: v for k, v in settings.items() if k not in NOT_COMMANDS})

    # --- progress

    def check_progress(self) -> Any:
        """Return the progress that the jobs have appended to their files, if any."""
        record = NodeRecord.read(self.rundir)
        files = {path.stem: path for path in sorted(self.rundir.glob(self.progress_files))}
        parts = [
            progress.Progress(1.0) if name in record.done
            else progress.read(files[name]) if name in files
            else None
            for name in record.built or files
        ]  # fmt: skip
        return progress.together(parts)

    # --- what has succeeded

    def detect_completion(self) -> bool:
        """Return whether every output of every node exists."""
        return not self.missing_outputs()

    def missing_outputs(self) -> list[str]:
        """Return the outputs that do not exist."""
        return [each for node in self.nodes() for each in self.missing_of(node)]

    def missing_of(self, node: Node) -> list[str]:
        """Return the outputs of a node that do not exist; one that lacks any runs again."""
        return [each for each in node.outputs if not self.run_file(each).exists()]

    def after_processing(self) -> None:
        """Finish an analysis that is complete, and record that all of its nodes have succeeded.

        Without the record, the rescue file of an earlier attempt would say that some have not.
        """
        super().after_processing()
        if built := NodeRecord.read(self.rundir).built:
            NodeRecord(built, sorted(built)).write(self.rundir)

    def set_aside_unfinished(self) -> None:
        """Move half-written outputs of failed nodes aside before they run again.

        Nodes that have succeeded run again too if their program or a file that they read has
        changed since: the result would be of both.
        """
        nodes = self._checked()
        record, marks = NodeRecord.read(self.rundir), self._marks(nodes)
        done = self._succeeded(nodes)
        unfinished = [node for node in nodes if node.name not in done]
        move_aside(self.rundir, [self.run_file(o) for node in unfinished for o in node.outputs])
        if not record.same_but_files(marks):
            return  # such as the settings: what was built is what runs
        if all(record.built[name] == marks[name] for name in done):
            # What has failed runs with the files as they are now.
            NodeRecord(marks, record.done).write(self.rundir)
            return
        self.logger.info("%s: programs or inputs of nodes have changed", self.production.key)
        self.build_dag()
        # Without one, a DAG that could not be submitted now would never be submitted again.
        write_rescue(self.dag_file, 1, len(nodes), [], [])

    def paths_to_clean(self) -> list[Path] | None:
        """Return what to move aside: all, or what belongs to nodes that have not succeeded."""
        try:
            nodes = self._checked()
        except Exception:  # the settings may have changed so that there are none
            self.logger.warning("the nodes are not known", exc_info=True)
            return None
        done = self._succeeded(nodes)
        if not done or len(done) == len(nodes):
            return None
        # A build needs the rescue file to know which nodes have succeeded.
        kept = {node_record.FILE, *(path.name for path in rescue_files(self.dag_file))}
        kept |= {*(each for n in nodes if n.name in done for each in n.outputs)}
        # The record of what the analysis ran with is about these nodes too.
        kept |= {self._submit_file(n).name for n in nodes if n.name in done}
        kept |= {each for n in nodes if n.name not in done for each in self.kept(n)}
        return list(others(self.rundir, {Path(each) for each in kept}))

    def _succeeded(self, nodes: list[Node]) -> set[str]:
        """Return the nodes that have succeeded, by DAGMan's rescue file, and left their outputs."""
        if not self._is_dag(nodes):
            return set()
        found = set(NodeRecord.read(self.rundir).done)
        if files := rescue_files(self.dag_file):
            found |= set(done_nodes(files[-1], {node.name for node in nodes}))
        return {
            node.name for node in nodes
            if node.name in found and not self.missing_of(node)
        }  # fmt: skip

    def _marks(self, nodes: list[Node]) -> dict[str, str]:
        """Return the fingerprints of the nodes; one that is alone runs again in any case."""
        if not self._is_dag(nodes):
            return {}
        return fingerprints(nodes, self._own_commands(), self.seed, self.rundir)

    def _still_done(self, nodes: list[Node], marks: Mapping[str, str]) -> set[str]:
        """Return the nodes that need not run again: what they do and read is the same."""
        succeeded = self._succeeded(nodes)
        if not succeeded:
            return set()
        done = NodeRecord.read(self.rundir).unchanged(nodes, succeeded, marks)
        return set() if len(done) == len(nodes) else done


def _written(word: str) -> str:
    """Return a word as the submit language writes it."""
    return literal(word, process=isinstance(word, Numbered))


def _stem(node: Node) -> str:
    """Return how the names of the files that a job of a node writes begin."""
    return f"{node.name}.{PROCESS}" if node.processes > 1 else node.name
