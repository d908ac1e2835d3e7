"""The program in the jobs of phases: check a pipeline, make its assets, or process some runs.

    python -m asimov.phases.worker check < description.json
    python -m asimov.phases.worker assets phases.json [--code PATH] [--file PATH]
    python -m asimov.phases.worker shard shard-1.json phases.pickle --trace PATH [--code PATH]

``--code`` names a module's file or folder, whose parent is searched for modules. ``--file`` gives
the place of each file that the settings name, in their order.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import pickle
import sys
from pathlib import Path
from typing import Any

from asimov.errors import AsimovError, ReportedError
from asimov.phases.log_files import log_to
from asimov.phases.packed import Packed, packed
from asimov.phases.recipe import Made, code_of, make
from asimov.phases.runs import numbers
from asimov.phases.shard import WORKSPACE, append_progress, run_shard
from asimov.phases.start import summary
from asimov.system.files import write_atomically

#: How many lines of a traceback end the output; a report shows a little more than that.
_LINES = 15
#: The file of the packed phases.
PICKLE = Path("phases.pickle")


def check(description: dict[str, Any], root: Path) -> dict[str, Any]:
    """Return what is known of phases without running them.

    Parameters
    ----------
    description
        A recipe.
    root
        The project's folder.

    Returns
    -------
    dict
        ``slips``: keys and message of each fault. ``names``, ``active`` and the folders ``assets``
        and ``artifacts`` of all phases. ``files``: the paths in the settings. ``code``: modules of
        the project. ``traces``: of a script.
    """
    files: dict[str, None] = {}

    def located(path: str) -> Path:
        files[path] = None
        return Path(path)

    made = make(description, WORKSPACE, Path(), located)
    said: dict[str, Any] = {"slips": [(list(path), why) for path, why in made.slips]}
    if not made.slips:
        try:
            made.pipeline.check()
        except AsimovError as error:
            said["slips"] = [((), str(error))]
    phases = made.pipeline.phases
    return said | {
        "names": [str(each.name) for each in phases],
        "active": [bool(each) for each in made.pipeline.active],
        "assets": [str(each.get_asset_storage_path(WORKSPACE)) for each in phases],
        "artifacts": [str(each.get_artifact_path(WORKSPACE)) for each in phases],
        "files": list(files),
        "code": code_of(made.pipeline, root),
        "traces": None if made.traces is None else str(made.traces),
    }


def make_assets(description: dict[str, Any], files: list[str]) -> None:
    """Have the phases make their assets, and keep them with what they know now."""
    places = dict(zip(description["files"], files, strict=True))
    made: Made = make(description, WORKSPACE, Path(), lambda path: Path(places.get(path, path)))
    for path, why in made.slips:
        raise AsimovError(f"phases: {': '.join((*path, why))}")
    made.pipeline.check()
    made.pipeline.create_workspace()
    made.pipeline.make_assets()
    script = description.get("script")
    content = packed(made.pipeline, Path(script) if script else None)
    write_atomically(PICKLE, pickle.dumps(content))


def main(arguments: list[str] | None = None) -> None:
    """Do what the command line says; the last line of standard error is the reason of a failure."""
    parser = argparse.ArgumentParser(prog="asimov.phases.worker")
    parser.add_argument("action", choices=["check", "assets", "shard"])
    parser.add_argument("plan", nargs="*", type=Path)
    parser.add_argument("--code", action="append", default=[])
    parser.add_argument("--file", action="append", default=[])
    parser.add_argument("--trace", type=Path)
    parser.add_argument("--script")
    parser.add_argument("--done", type=numbers, default=())
    parser.add_argument("--place", action="append", default=[])
    given = parser.parse_args(arguments)
    for each in given.code:
        if (folder := str(Path(each).absolute().parent)) not in sys.path:
            sys.path.insert(0, folder)
    if given.action == "check":
        sys.path.insert(0, str(Path.cwd()))
        with contextlib.redirect_stdout(sys.stderr):  # a module may print
            said = check(json.load(sys.stdin), Path.cwd())
        print(json.dumps(said))
        return
    with log_to(None):
        try:
            plan = json.loads(given.plan[0].read_text())
            if given.action == "assets":
                make_assets(plan | {"script": given.script}, given.file)
                append_progress(1.0, "assets made")
                return
            with placed(given.place):
                content = Packed(pickle.loads(given.plan[1].read_bytes()).data, given.script)
                failures = run_shard(plan, content, given.trace.parent, given.done)
        except ReportedError as error:
            sys.exit(f"error: {error}" + (f" ({error.hint})" if error.hint else ""))
    if failures:
        others = f" ({len(failures)} runs failed)" if len(failures) > 1 else ""
        print(summary(failures), file=sys.stderr)
        print(_short(failures[0].traceback), file=sys.stderr)
        sys.exit(f"error: {failures[0]}{others}")


def _short(traceback: str) -> str:
    """Return a traceback that fits a report; the log has all of it."""
    lines = traceback.splitlines()
    return "\n".join(lines if len(lines) <= _LINES else [lines[0], "  ...", *lines[2 - _LINES :]])


@contextlib.contextmanager
def placed(words: list[str]) -> Any:
    """Have files that were sent along lie where phases look for them, within the block.

    Parameters
    ----------
    words
        ``PLACE=PATH`` for each: a link at the first leads to the second.
    """
    links = []
    for word in words:
        place, _, path = word.partition("=")
        link = Path(place)
        if link.exists() or link.is_symlink():
            continue
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(Path(path).absolute())
        links.append(link)
    try:
        yield
    finally:
        for link in links:  # only what the job has made returns
            link.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
