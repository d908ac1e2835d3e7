from itertools import count
from pathlib import Path

from faulty.good import Plain

_HERE = Path(__file__).parent
_NUMBERS = count()


class NeedsMore(Plain):
    config_template = _HERE / "needs_more.ini"


class NeverTheSame(Plain):
    config_template = _HERE / "never_the_same.ini"

    @property
    def number(self) -> int:
        return next(_NUMBERS)


class MakesRunDirectory(Plain):
    def before_config(self, dryrun: bool = False) -> None:
        Path(self.production.rundir).mkdir(parents=True, exist_ok=True)


class AskedTooEarly(Plain):
    def html(self) -> str:
        return self.result.read_text()


class WritesLedger(Plain):
    def before_config(self, dryrun: bool = False) -> None:
        root = self.production.workspace.project.root
        with (root / "ledger" / "project.yaml").open("a") as file:
            file.write("# seen\n")
