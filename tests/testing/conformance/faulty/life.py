import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from asimov.pipeline.assets import Asset
from asimov.scheduler.local import LocalScheduler
from faulty.good import Plain


class DryRunWrites(Plain):
    def build_dag(self, dryrun: bool = False) -> None:
        super().build_dag(dryrun=False)


class DryRunSubmits(Plain):
    def submit_dag(self, dryrun: bool = False) -> Any:
        if dryrun:
            super().build_dag()
        return super().submit_dag()


class PilesUp(Plain):
    def build_dag(self, dryrun: bool = False) -> None:
        super().build_dag(dryrun)
        if not dryrun:
            folder = Path(self.production.rundir)
            (folder / f"build-{len(list(folder.iterdir()))}.txt").touch()


class DoublesNodes(Plain):
    def build_dag(self, dryrun: bool = False) -> None:
        before = self.dag_file.read_text() if self.dag_file.exists() else ""
        super().build_dag(dryrun)
        if not dryrun:
            self.dag_file.write_text(before + self.dag_file.read_text())


class AlwaysComplete(Plain):
    def detect_completion(self) -> bool:
        return Path(self.production.rundir).exists()


class Silent(Plain):
    def submit_dag(self, dryrun: bool = False) -> Any:
        super().submit_dag(dryrun)


class DoesNotSubmit(Plain):
    def submit_dag(self, dryrun: bool = False) -> Any:
        return None if dryrun else 17


class Untagged(Plain):
    def submit_dag(self, dryrun: bool = False) -> Any:
        project = self.production.workspace.project
        if dryrun:
            return None
        return LocalScheduler.from_project(project.root, project.config).submit_dag(self.dag_file)


class TwoJobs(Plain):
    def submit_dag(self, dryrun: bool = False) -> Any:
        super().submit_dag(dryrun)
        return super().submit_dag(dryrun)


class NoProgress(Plain):
    def check_progress(self) -> Any:
        raise ValueError("no progress")


class NeverComplete(Plain):
    def detect_completion(self) -> bool:
        return False


class NotesThatItWasAsked(Plain):
    def detect_completion(self) -> bool:
        if self.result.exists():
            (self.result.parent / f"asked-{time.time_ns()}").touch()
        return self.result.exists()


class CompleteOnce(Plain):
    def detect_completion(self) -> bool:
        meta = self.production.meta
        complete = self.result.exists() and not meta.get("asked")
        if self.result.exists():
            meta["asked"] = True
        return complete


class NamesTooMuch(Plain):
    def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
        return {"result": str(self.result), "plot": str(self.result.with_suffix(".png"))}


class NamesNothing(Plain):
    def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
        return {}

    def store_results(self) -> None:
        self.production.workspace.project.results.mkdir(exist_ok=True)


class MakesLess(Plain):
    outputs = (Asset("result"), Asset("summary"), Asset("plot", optional=True))


class NoLogs(Plain):
    log_patterns = ()


class StoresNothing(Plain):
    def store_results(self) -> None:
        pass


class GetsStuck(Plain):
    def after_completion(self) -> None:
        raise ValueError("can't finish")


class GoesAway(Plain):
    def build_dag(self, dryrun: bool = False) -> None:
        super().build_dag(dryrun)
        if not dryrun:
            os.chdir(self.production.rundir)


class LooksAroundItself(Plain):
    def detect_completion(self) -> bool:
        return Path("working", *self.production.key, "result.txt").exists()


class RelativeAssets(Plain):
    def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
        path = Path("working", *self.production.key, "result.txt")
        return {"result": str(path)} if self.result.exists() else {}


class Exits(Plain):
    def check_progress(self) -> Any:
        sys.exit("enough")


class Hangs(Plain):
    def while_running(self) -> None:
        time.sleep(60)


class Sticks(Plain):
    def while_running(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        time.sleep(600)


class Dies(Plain):
    def build_dag(self, dryrun: bool = False) -> None:
        os._exit(7)
