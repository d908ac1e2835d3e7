from pathlib import Path
from typing import Any

from faulty.good import Plain


class KeepsItsJob(Plain):
    def eject_job(self) -> None:
        pass


class KeepsItsFiles(Plain):
    def clean(self, dryrun: bool = False) -> None:
        pass


class OnceOnly(Plain):
    def build_dag(self, dryrun: bool = False) -> None:
        if self.production.meta.get("submitted"):
            raise FileExistsError("it was built before")
        super().build_dag(dryrun)

    def submit_dag(self, dryrun: bool = False) -> Any:
        self.production.meta["submitted"] = True
        return super().submit_dag(dryrun)


class KeepsItsDagOnly(Plain):
    """Clears its run directory, and leaves the directory."""

    def clean(self, dryrun: bool = False) -> None:
        for path in Path(self.production.rundir).iterdir():
            path.unlink()
