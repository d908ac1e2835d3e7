"""``asimov plugins check --image``: check an image against the contract of SPT's plugins."""

from __future__ import annotations

from pathlib import Path

from asimov.cli.terminal.output import say, show_json
from asimov.errors import EXIT_ERROR

_MARKS = {True: "holds", False: "does not hold", None: "unknown"}


def check_image(reference: str, runtime: str | None, graphs: Path | None, as_json: bool) -> int:
    """Print what is found about an image, and return the exit code.

    What was not tried does not count as unknown: training needs graphs.

    Parameters
    ----------
    reference
        The image.
    runtime
        The runtime to use, or None for the first that works here.
    graphs
        A folder of graphs to train on, or None.
    as_json
        Whether to print JSON.
    """
    from asimov.pipelines.container.check import check
    from asimov.pipelines.container.images import image_of

    findings = []
    for each in check(image_of(reference, Path()), runtime, graphs):
        findings.append(each)
        if not as_json:
            say(f"{_MARKS[each.holds]:14} {each.contract}" + (f": {each.seen}" * bool(each.seen)))
    if as_json:
        show_json([each._asdict() for each in findings])
    broken = sum(each.holds is False for each in findings)
    if not as_json:
        say(f"{reference}: {f'{broken} do not hold' if broken else 'keeps the contract'}")
    return EXIT_ERROR if broken else 0
