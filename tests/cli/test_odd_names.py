"""Products with odd names: hidden, no text, with characters that can't be shown."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.lab import lab

__all__ = ["lab"]

#: Bytes that are no text, marks that turn the direction around, a name as long as names can be...
ODD = [
    b".zgroup", b".hidden", b"caf\xe9", b"caf\xc3\xa9", b"two\nlines", b"back\\slash", b" ", b"-n",
    b"\xe2\x80\xae", b"\x1b[31m", b"'\"$(x)", b"x" * 255, b"\xf0\x9f\x94\xad", b"..x", b"%41",
]  # fmt: skip
NAMES = [os.fsdecode(each) for each in ODD]


def _made(lab: Any, tmp_path: Path, names: list[str]) -> None:
    made = tmp_path / "made"
    made.mkdir()
    for number, each in enumerate(["plain", *names]):
        (made / each).write_text(f"{number}\n")
    lab.apply(
        "a, pipeline: command, executable: /bin/cp, outputs: {o: out}, "
        f"arguments: [-r, '{made}', '{lab.rundir('a')}/out']",
        "b, needs: [a], pipeline: command, executable: /bin/sh, outputs: {y: y}, "
        "arguments: [-c, 'cat {{ assets.o }}/plain > y']",
    )
    lab.finish()
    assert lab.states() == {"a": "uploaded", "b": "uploaded"}


@pytest.mark.parametrize("names", [*([each] for each in NAMES[:3]), NAMES],
                         ids=["zarr", "hidden", "no text", "all"])  # fmt: skip
def test_whatever_names_products_have(lab: Any, tmp_path: Path, names: list[str]) -> None:
    _made(lab, tmp_path, names)
    lab.run("store", "verify")
    lab.run("report", "html")
    for command in (
        ("manage", "results", "--json"), ("production", "show", "s/a", "--json"),
        ("provenance", "s/b", "--format", "prov-json"),
        ("provenance", "s/a", "--format", "prov-json"), ("store", "verify", "--json"),
    ):  # fmt: skip
        json.loads(lab.run(*command).out).__repr__().encode()
    for name in "ab":
        for target in (tmp_path / f"{name}.zip", tmp_path / name):
            lab.run("package", f"s/{name}", "-o", target)
            said = lab.run("diff", target, f"s/{name}").out
            assert "the outcome matches" in said, said
            root = tmp_path / f"from {target.name}"
            lab.run("init", "--from", target, "--root", root, "--scheduler", "local")
    assert (tmp_path / "a" / "products" / "out" / ".zgroup").exists() == (".zgroup" in names)


def test_a_product_that_is_an_empty_folder_is_packed(lab: Any, tmp_path: Path) -> None:
    lab.apply(
        "a, pipeline: command, executable: /bin/mkdir, outputs: {o: out}, "
        f"arguments: ['{lab.rundir('a')}/out']"
    )
    lab.finish()
    lab.run("package", "s/a", "-o", tmp_path / "a.zip")
    assert lab.asimov("diff", tmp_path / "a.zip", "s/a").code == 0


def test_removal_says_that_only_a_link_goes(lab: Any, tmp_path: Path) -> None:
    lab.apply("a")
    lab.finish()
    lab.rundir("a").rename(tmp_path / "scratch")
    lab.rundir("a").symlink_to(tmp_path / "scratch")
    said = lab.run("rm", "s/a", "--results", "--dry-run").out
    lab.run("rm", "s/a", "--results", "--yes")
    assert f"working/s/a (only the link; {tmp_path}/scratch stays)" in said
    assert "DELETED for good: results/s/a\n" in said
    assert (tmp_path / "scratch").is_dir() and not os.path.lexists(lab.rundir("a"))
