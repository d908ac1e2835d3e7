"""Measure asimov with many analyses; see README.md in this folder."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import changes
import published
import recording
import report
import service
import service_memory
import service_protocols
import soak
import submission
import tracking
from measure import Sample
from project import LAYOUTS, Life, Program, live, program

_EXCLUDED = (
    "The null scheduler takes jobs and answers for them at no cost: these figures are asimov's "
    "own, and a real scheduler's part comes on top (see --scheduler)."
)


def main() -> int:
    """Run the benchmarks; the exit code is 1 if analyses went missing."""
    options = _options()
    ours = Path(sys.prefix)
    results: dict[str, Any] = {"machine": _machine(), "scheduler": options.scheduler}
    null = options.scheduler == "null"
    with program(ours, with_null_scheduler=null) as asimov:
        results["version"] = asimov.asimov(asimov.home, "--version").out.split()[-1]
        print(f"asimov {results['version']}, scheduler {options.scheduler}; {_words(results)}\n")
        results["help"] = _help(asimov, 5 * options.repeats)
        print(_help_words(results["help"]) + "\n")
        results["lives"] = []
        for part in options.parts:
            _PARTS[part](asimov, options, results)
    if null:
        print(f"\n{_EXCLUDED}")
    if options.against:
        _say("the published asimov ...")
        with program(ours) as asimov, program(options.against.absolute()) as theirs:
            sizes, repeats = options.against_sizes, options.repeats
            results["against"] = published.compare(asimov, theirs, sizes, repeats)
        print(f"\n{report.against_table(results['against'])}")
        engine = results["against"]["ledger engine"]
        print(f"\nThe published one keeps its ledger as it does by default ({engine}).")
    results["machine"]["load after"] = os.getloadavg()[0]
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    wrong = [life for life in results["lives"] if life["counts"] != life["expected"]]
    for life in wrong:
        print(f"analyses are missing: {life['analyses']} {life['layout']}: {life['counts']}")
    return 1 if wrong else 0


def _lives(asimov: Program, options: argparse.Namespace, results: dict[str, Any]) -> None:
    for layout in options.layouts:
        for size in options.sizes:
            _say(f"{size} analyses, {layout} ...")
            lives = [
                live(asimov, size, layout, options.scheduler, options.passes)
                for _ in range(options.repeats)
            ]
            results["lives"].append(_summed(size, layout, lives))
    results["growth"] = report.growth(results["lives"])
    print(report.life_table(results["lives"], results["growth"]) + "\n", flush=True)


def _changes(asimov: Program, options: argparse.Namespace, results: dict[str, Any]) -> None:
    _say("passes in which many change ...")
    results["changes"] = changes.measure(asimov, options.sizes, _MANY, options.repeats)
    print(changes.table(results["changes"]) + "\n", flush=True)


def _recording(asimov: Program, options: argparse.Namespace, results: dict[str, Any]) -> None:
    size = max(options.sizes)
    how = size, options.repeats, options.passes
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="asimov-benchmark-")))
        earlier = options.earlier and stack.enter_context(
            program(options.earlier.absolute(), with_null_scheduler=True)
        )
        _say(f"what records and verdicts cost for {size} ...")
        results["recording"] = recording.compare(asimov, folder, *how)
        print(recording.table(results["recording"]) + "\n", flush=True)
        if earlier:
            _say("an earlier asimov ...")
            results["earlier"] = recording.compare_earlier(asimov, earlier, folder, *how)
            print(recording.table(results["earlier"]) + "\n", flush=True)


def _submission(asimov: Program, options: argparse.Namespace, results: dict[str, Any]) -> None:
    size = min(_MANY, max(options.sizes))
    _say(f"submission of {size} ...")
    results["submission"] = submission.compare(asimov, size, options.repeats)
    print(submission.table(results["submission"]) + "\n", flush=True)


def _tracking(asimov: Program, options: argparse.Namespace, results: dict[str, Any]) -> None:
    size = max(options.sizes)
    _say(f"{size} jobs that wait ...")
    results["tracking"] = tracking.track(asimov, size, 3)
    print(tracking.table(results["tracking"]) + "\n", flush=True)


def _soak(asimov: Program, options: argparse.Namespace, results: dict[str, Any]) -> None:
    size = max(options.sizes)
    _say(f"an hour over {size} ...")
    results["soak"] = soak.soak(asimov, size, options.scheduler, options.minutes)
    print(soak.table(results["soak"]) + "\n", flush=True)


def _service(asimov: Program, options: argparse.Namespace, results: dict[str, Any]) -> None:
    size = max(options.sizes)
    _say(f"a service over {size} ...")
    minutes = min(options.minutes, 10)
    results["service"] = service.serve(asimov, size, options.scheduler, minutes)
    print(service.table(results["service"]) + "\n", flush=True)
    _protocols(asimov, options, results)


def _protocols(asimov: Program, options: argparse.Namespace, results: dict[str, Any]) -> None:
    size = max(options.sizes)
    _say(f"clients of the two protocols, beside {size} analyses that wait ...")
    results["protocols"] = service_protocols.measure(asimov, size)
    print(service_protocols.table(results["protocols"]) + "\n", flush=True)


def _service_memory(asimov: Program, options: argparse.Namespace, results: dict[str, Any]) -> None:
    size = max(options.sizes)
    _say(f"the memory of a service over {size} ...")
    found = service_memory.watch(asimov, size, options.scheduler, options.minutes)
    results["service memory"] = found
    print(service_memory.table(found) + "\n", flush=True)


_PARTS = {
    "lives": _lives,
    "changes": _changes,
    "recording": _recording,
    "submission": _submission,
    "tracking": _tracking,
    "service": _service,
    "service-protocols": _protocols,
    "service-memory": _service_memory,
    "soak": _soak,
}
#: The benchmarks that each scheduler supports.
_SERVED = {
    "null": [
        "lives",
        "changes",
        "recording",
        "service",
        "service-protocols",
        "service-memory",
        "soak",
    ],
    "local": ["lives"],
    "htcondor": ["lives", "submission", "tracking", "soak"],
}
#: What is measured only where it is asked for.
_BY_NAME = {"service", "service-protocols", "service-memory"}
#: How many analyses change state at once, and are submitted next to the bare loop.
_MANY = 1000


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", metavar="N", help="how many analyses")
    parser.add_argument(
        "--parts", nargs="*", choices=list(_PARTS), help="what to measure; without a name, nothing"
    )
    parser.add_argument(
        "--minutes",
        type=int,
        default=soak.HOUR,
        help="of the soak and of the service's memory (%(default)s), and up to 10 of the service",
    )
    parser.add_argument("--layouts", nargs="+", choices=list(LAYOUTS), default=list(LAYOUTS))
    parser.add_argument(
        "--repeats", type=int, default=1, help="projects of each size (%(default)s)"
    )
    parser.add_argument(
        "--passes", type=int, default=3, help="commands that change nothing (%(default)s)"
    )
    parser.add_argument("--scheduler", choices=["null", "local", "htcondor"], default="null")
    parser.add_argument(
        "--against", type=Path, metavar="VENV", help="where asimov 0.8 is installed"
    )
    parser.add_argument(
        "--earlier", type=Path, metavar="VENV", help="an earlier asimov, for the part recording"
    )
    parser.add_argument(
        "--against-sizes", type=int, nargs="+", metavar="N", default=[100, 200, 400]
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write figures to this file")
    options = parser.parse_args()
    served = _SERVED[options.scheduler]
    if options.parts is None:
        options.parts = [each for each in served if each not in _BY_NAME]
    if not set(options.parts) <= set(served):
        parser.error(f"{options.scheduler} has {', '.join(served)}")
    if options.sizes is None:
        # A real pool may be shared with others.
        options.sizes = [100, 1000, 10000] if options.scheduler == "null" else [100, 1000]
    return options


def _help(asimov: Program, repeats: int) -> dict[str, Any]:
    """Measure ``asimov --help`` and the import of click, in turn."""
    helps: list[Sample] = []
    clicks: list[Sample] = []
    for number in range(repeats + 1):
        pair = asimov.asimov(asimov.home, "--help"), asimov.python(asimov.home, "import click")
        if number:  # the first run compiles
            helps.append(pair[0])
            clicks.append(pair[1])
    ratios = [one.seconds / other.seconds for one, other in zip(helps, clicks, strict=True)]
    return {
        "asimov": report.summary(helps),
        "import click": report.summary(clicks),
        "ratio": statistics.median(ratios),
    }


def _summed(size: int, layout: str, lives: list[Life]) -> dict[str, Any]:
    """Merge the repetitions of one size; a count is the lowest of all."""
    figures = {
        figure: report.summary([sample for life in lives for sample in life.figures[figure]])
        for figure in lives[0].figures
    }
    counts = {name: min(life.counts[name] for life in lives) for name in lives[0].counts}
    return {
        "layout": layout,
        "analyses": size,
        "figures": figures,
        "counts": counts,
        "expected": lives[0].expected,
    }


def _machine() -> dict[str, Any]:
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "load before": os.getloadavg()[0],
    }


def _words(results: dict[str, Any]) -> str:
    machine = results["machine"]
    return (
        f"Python {machine['python']}, {machine['processors']} processors, load "
        f"{machine['load before']:.1f}; medians, and the highest peak memory"
    )


def _help_words(figures: dict[str, Any]) -> str:
    ours, click = figures["asimov"], figures["import click"]
    return (
        f"asimov --help: {ours['seconds'] * 1000:.0f} ms, {ours['memory_mb']:.0f} MB; "
        f"import click: {click['seconds'] * 1000:.0f} ms; ratio {figures['ratio']:.2f}"
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
