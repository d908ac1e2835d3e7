"""The program that a job runs: it calls a registered function, or describes a module.

It imports from its own package only what it needs, once `provide` has made that package importable.

A job passes a description of the call, the files and packages of the function, and its inputs::

    python runner.py call.json [--path=FILE_OR_FOLDER ...] INPUT ...

At the very end the outputs are written to ``outputs.json``; the failure, if there is one, to
``failure.json``. This folder is all that a job needs besides Python 3.8: asimov need not be
installed where it runs.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import sys
import tempfile
import traceback
import types
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

_HERE = Path(__file__).absolute().parent
_PATH = "--path="


def provide() -> None:
    """Make this folder the package `asimov.functions`, whether or not asimov is installed."""
    sys.path[:] = [each for each in sys.path if each != str(_HERE)]
    if importlib.util.find_spec("asimov") is None:
        package = types.ModuleType("asimov")
        package.__path__ = []
        sys.modules["asimov"] = package
    name, init = "asimov.functions", _HERE / "__init__.py"
    spec = importlib.util.spec_from_file_location(
        name, init, submodule_search_locations=[str(_HERE)]
    )
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def _write(path: str, content: Mapping[str, Any]) -> None:
    """Write JSON so that the file is there as a whole or not at all."""
    new = Path(f"{path}.new")
    with new.open("w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1, default=str)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)


def _failure(error: BaseException) -> dict[str, str]:
    """Return an exception's own text, the last line that Python shows of it, and the traceback."""
    from asimov.functions.modules import CallError

    if isinstance(error, CallError):
        shown = f"{error}\n"
    else:
        trace = error.__traceback__
        while trace is not None and Path(trace.tb_frame.f_code.co_filename).parent == _HERE:
            trace = trace.tb_next
        shown = "".join(traceback.format_exception(type(error), error, trace))
    line = shown.strip().splitlines()[-1].strip()
    kind = type(error).__name__
    return {"exception": str(error), "type": kind, "line": line, "traceback": shown}


def _describe(module: str, folders: Sequence[Path]) -> None:
    """Print the description of a module as JSON, and nothing else."""
    from asimov.functions.modules import describe

    answer = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):  # what the module prints
        os.dup2(nowhere, stream)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["WORK"] = scratch  # the published framework makes files there
        os.chdir(scratch)
        try:
            said = describe(module, folders)
        except BaseException as error:  # also of a module that ends the program
            said = {"error": _failure(error)["line"]}
        with os.fdopen(answer, "w", encoding="utf-8") as channel:
            json.dump(said, channel, default=str)
        os.chdir(os.sep)


def _call(file: str, paths: Sequence[str]) -> int:
    """Make the call that a file describes; return the exit code."""
    from asimov.functions.call import FAILURE, OUTPUTS, call

    try:
        description = json.loads(Path(file).read_text(encoding="utf-8"))
        with tempfile.TemporaryDirectory() as scratch:
            os.environ.setdefault("WORK", scratch)
            _write(OUTPUTS, call(description, paths))
    except BaseException as error:  # also what a function raises to end the program
        failure = _failure(error)
        with suppress(OSError):
            _write(FAILURE, failure)
        sys.stdout.flush()
        print(failure["traceback"], end="", file=sys.stderr, flush=True)
        return 1
    return 0


def main(arguments: Sequence[str]) -> int:
    """Run the program with its arguments, and return its exit code."""
    given = [each[len(_PATH) :] for each in arguments if each.startswith(_PATH)]
    first, *rest = [each for each in arguments if not each.startswith(_PATH)]
    places = [each if each.endswith(os.sep) else Path(each).absolute().parent for each in given]
    sys.path[:0] = list(dict.fromkeys(map(str, places)))
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    if first == "describe":
        _describe(rest[0], [Path(each) for each in given])
        return 0
    return _call(first, rest)


if __name__ in ("__main__", "__mp_main__"):  # the second in processes that the function starts
    provide()
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
