"""A pipeline whose methods raise, and a hook that does."""

from asimov.pipelines.testing import SimpleTestPipeline


class Raising(SimpleTestPipeline):
    """Raises in the method that the setting ``raises in`` names, and exits where it says so."""

    name = "raising"

    def _called(self, method: str) -> None:
        if self.production.meta["raises in"] == method:
            if self.production.meta.get("exits"):
                raise SystemExit(3)
            raise ValueError(f"{method} has raised")

    def __init__(self, production, category=None):
        super().__init__(production, category)
        self._called("__init__")

    def before_config(self, dryrun=False):
        self._called("before_config")

    def build_dag(self, dryrun=False):
        self._called("build_dag")
        return super().build_dag(dryrun=dryrun)

    def submit_dag(self, dryrun=False):
        self._called("submit_dag")
        return super().submit_dag(dryrun=dryrun)

    def detect_completion(self):
        self._called("detect_completion")
        return super().detect_completion()

    def after_completion(self):
        self._called("after_completion")
        return super().after_completion()

    def collect_assets(self, absolute=False):
        self._called("collect_assets")
        return super().collect_assets()


class Hook:
    """Raises when it is run."""

    def __init__(self, ledger):
        self.ledger = ledger

    def run(self):
        raise ValueError("the hook has raised")
