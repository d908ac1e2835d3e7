"""``asimov package``: pack an analysis with all that made it as a Workflow Run RO-Crate."""

from __future__ import annotations

from pathlib import Path

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.output import say, warn
from asimov.engine.provenance.crates.packing import pack
from asimov.engine.provenance.lookup import attempt_named
from asimov.errors import AsimovError
from asimov.text import counted, line

#: How many files that are left out are named.
_LISTED = 20


@click.command("package")
@click.argument("name", metavar="SUBJECT/NAME[@N]")
@click.argument("second", metavar="", required=False)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The zip file or the folder to write [SUBJECT-NAME-N.zip].",
)
@click.option("--hashes-only", is_flag=True, help="Leave out the products: checksums only.")
@click.option(
    "--license", metavar="URL", help="The licence of the files: https://spdx.org/licenses/..."
)
def command(
    name: str, second: str | None, output: Path | None, hashes_only: bool, license: str | None
) -> None:
    """Pack an analysis with everything that made it, to rerun it elsewhere.

    The crate is a Workflow Run RO-Crate: a zip file, or a folder, with settings, configuration,
    inputs, scripts, products, logs, and a description that other programs read. 'asimov init
    --from' makes a project from it. @N stands for an analysis's attempt number N.

    \b
    Example:
      asimov package sunspots/detrend
      asimov package sunspots/detrend@1 -o detrend.zip --hashes-only
    """
    if output is not None and str(output) in {".", "-"}:
        raise click.UsageError("name the zip file or the folder to write: -o NAME.zip")
    if license is not None and not _is_url(license):
        raise click.UsageError(
            "--license takes a URL, such as https://spdx.org/licenses/CC-BY-4.0.html"
        )
    workspace = open_workspace(Use.READ, files=True)
    key, number = attempt_named(workspace, "/".join(filter(None, (name, second))))
    made = pack(workspace, key, number, target=output, hashes_only=hashes_only, license=license)
    contained = [each for each in made.contents.files if each.place]
    say(f"Packed {made.contents.name} in {made.path}: {counted(len(contained), 'file')}")
    products = [each for each in made.contents.files if each.role == "product"]
    if not products:
        warn("note: the analysis has no products, so the crate has none")
    for each in [each for each in products if each.note][:_LISTED]:
        warn(f"note: the product {line(each.path)} is {each.note}")
    for each in [] if hashes_only else products:
        if each.why and each not in made.lost:
            warn(f"note: the product {line(each.path)} is left out: {each.why}")
    missing = made.missing
    for each in missing[:_LISTED]:
        warn(f"note: the {each.role} {line(each.path)} is left out: {each.why}")
    if len(missing) > _LISTED:
        warn(f"note: {len(missing) - _LISTED} more are left out")
    if lost := made.lost:
        for each in lost[1:_LISTED]:
            warn(f"error: the product {line(each.path)} is left out: {each.why}")
        count = f"{len(lost)} of {counted(len(products), 'product')}"
        raise AsimovError(
            f"it is packed without {count}: {line(lost[0].path)}: {lost[0].why}",
            where=made.path,
            hint=f"'asimov store verify {key}' lists what is damaged; remove the crate, restore "
            "the file from a backup, and pack it again",
        )


def _is_url(text: str) -> bool:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and "." in parts.netloc and text.isprintable()
