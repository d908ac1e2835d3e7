"""Stored means stored: whatever products are, all of them are in the store, or the analysis stuck.

The search makes random run directories and random lists of products, and knows of no special case.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import socket
import stat
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from asimov.pipelines.testing import SimpleTestPipeline

from asimov import text
from asimov.project.layout import PROVENANCE_FILE
from tests.lab import Lab

NAMES = [
    "a", "b", "samples.dat", "c d", "größe", "new\nline", os.fsdecode(b"\xff\xfe"), ".hidden", "-x",
    "manifest.json", "superseded-1", "$(x)",
]  # fmt: skip
FILE_MODES = [0o644, 0o600, 0o755, 0o444, 0o640]
FOLDER_MODES = [0o755, 0o700, 0o750]


class Tree:
    """A run directory and a list of products, drawn from a seed."""

    def __init__(self, seed: str, web: Path) -> None:
        self.seed = seed
        self.web = web
        self.assets: Any = None

    def make(self, rundir: Path) -> None:
        """Write the files, and draw the products."""
        draw = random.Random(self.seed)
        odd = draw.random() < 0.4  # otherwise all of it can be stored
        rundir.mkdir(parents=True, exist_ok=True)
        folders, made = [rundir], []
        for _ in range(draw.randint(1, 12)):
            path = draw.choice(folders) / draw.choice(NAMES[: None if odd else -3])
            if os.path.lexists(path):
                continue
            kind = draw.choice(["file", "file", "folder", "folder", "link"])
            if odd and draw.random() < 0.1:
                kind = draw.choice(["fifo", "socket", "bad link"])
            if kind == "folder":
                folders.append(path)
            self.node(path, kind, draw, [*made, *folders[1:]])
            made.append(path)
        outside = [self.web / f"{n}" / draw.choice(["samples.dat", "page"]) for n in range(2)]
        for path in outside:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(draw.randbytes(20))
        products = [each for each in [*made, *outside] if draw.random() < 0.4]
        if draw.random() < 0.05:
            products.append(rundir)
        if draw.random() < 0.1:
            products.append(rundir / "not there")
        draw.shuffle(products)
        texts = list(map(str, products))
        self.assets = draw.choice([{"all": texts}, {str(n): t for n, t in enumerate(texts)}])
        self.products = products

    def node(self, path: Path, kind: str, draw: random.Random, others: list[Path]) -> None:
        if kind == "file":
            path.write_bytes(draw.randbytes(draw.choice([0, 1, 5000])))
            path.chmod(draw.choice(FILE_MODES))
        elif kind == "folder":
            path.mkdir()
            path.chmod(draw.choice(FOLDER_MODES))
        elif kind == "link" and others:
            target = str(draw.choice(others))
            path.symlink_to(draw.choice([target, os.path.relpath(target, path.parent)]))
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            here = os.open(path.parent, os.O_RDONLY)  # its own path may be too long for one
            with socket.socket(socket.AF_UNIX) as bound:
                bound.bind(f"/proc/self/fd/{here}/{path.name}".encode(errors="surrogateescape"))
            os.close(here)
        elif kind == "bad link":
            targets = ["/etc/passwd", "/dev/zero", "nowhere", path.name, "..", "/etc", "."]
            path.symlink_to(draw.choice(targets))


class Trees(SimpleTestPipeline):
    """Makes its tree without a job."""

    trees: dict[str, Tree]

    def build_dag(self, dryrun: bool = False) -> None:
        self.trees[self.production.name].make(Path(self.production.rundir))

    def submit_dag(self, dryrun: bool = False) -> None:
        self.production.status = "finished"

    def detect_completion(self) -> bool:
        return True

    def collect_assets(self, absolute: bool = True) -> Any:
        return self.trees[self.production.name].assets


class Removing(Trees):
    """Removes its run directory as published packages do."""

    def clean(self, dryrun: bool = False) -> None:
        shutil.rmtree(self.production.rundir)


class Sparing(Trees):
    """Removes every other file, and leaves the rest."""

    def clean(self, dryrun: bool = False) -> None:
        for each, _, files in os.walk(self.production.rundir):
            for name in sorted(files)[::2]:
                Path(each, name).unlink()


def lay_of(folder: Path) -> dict[str, object]:
    """Return all that is in a folder: kinds, modes, contents and where links lead."""
    found: dict[str, object] = {}
    for each, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(each, name)
            status = path.lstat()
            content: object = None
            if path.is_symlink():
                content = str(path.readlink())
            elif stat.S_ISREG(status.st_mode):
                content = path.read_bytes()
            if name != PROVENANCE_FILE:  # which is completed when the products are stored
                found[os.path.relpath(path, folder)] = (status.st_mode, content)
    return found


def contents_of(*folders: Path) -> set[str]:
    """Return the digests of all files in some folders."""
    return {
        hashlib.sha256(Path(each, name).read_bytes()).hexdigest()
        for folder in folders
        for each, _, files in os.walk(folder)
        for name in files
        if name != PROVENANCE_FILE and stat.S_ISREG(Path(each, name).lstat().st_mode)
    }


def assert_same(source: Path, stored: Path, store: Path, seen: set[tuple[Path, Path]]) -> None:
    """Assert that the store has what there is: kind, mode, content, and where links lead."""
    if (source, stored) in seen:
        return
    seen.add((source, stored))
    manifest = json.loads((store / "manifest.json").read_text())
    name = os.path.relpath(stored, store)
    if stored.is_symlink():
        assert source.is_symlink(), stored
        leads_to = str(stored.readlink())
        assert not leads_to.startswith("/")
        assert manifest[name]["link"] == leads_to
        assert stored.resolve().is_relative_to(store.resolve())
        assert_same(source.resolve(), stored.resolve(), store, seen)
        return
    status = source.stat()
    assert stat.S_IFMT(stored.lstat().st_mode) == stat.S_IFMT(status.st_mode), stored
    if source.is_dir():
        inside, there = ({path.name for path in each.iterdir()} for each in (source, stored))
        # The top of the store has the manifest, and products from elsewhere, too.
        assert inside == there or (stored == store and inside <= there)
        for each in inside:
            assert_same(source / each, stored / each, store, seen)
        if stored != store:
            assert manifest[name]["directory"]
    else:
        assert stored.read_bytes() == source.read_bytes()
        assert manifest[name]["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
        assert manifest[name]["size"] == status.st_size
    if stored != store:
        mode = stat.S_IMODE(status.st_mode)
        kept = mode if source.is_dir() else mode & ~0o222  # files are read-only
        assert stat.S_IMODE(stored.stat().st_mode) == kept
        assert manifest[name]["mode"] == f"{mode:03o}"


def assert_stored_or_stuck(lab: Lab, tree: Tree, name: str, row: dict[str, Any]) -> None:
    """Assert that all products are stored, or that the reason names one which can't be."""
    rundir, store = lab.rundir(name).resolve(), lab.root.resolve() / "results" / "s" / name
    if row["status"] == "stuck":
        assert "storing its results failed" in row["reason"]
        named = [
            path
            for path in [*rundir.rglob("*"), *tree.products]
            if row["reason"].startswith(f"storing its results failed: {text.line(str(path))}: ")
        ]
        assert named, row["reason"]
        assert "the store reserves" in row["reason"] or all(
            offends(path, rundir) for path in named
        ), row["reason"]
        return
    assert row["status"] == "uploaded", row
    for product in tree.products:
        if not os.path.lexists(product):
            assert text.line(product.name) in row["reason"]
        elif product.is_relative_to(tree.web):
            places = [store / product.name, store / product.parent.name / product.name]
            assert any(p.is_file() and p.read_bytes() == product.read_bytes() for p in places)
        else:
            real = product.parent.resolve() / product.name
            assert_same(product, store / real.relative_to(rundir), store, set())


def offends(path: Path, rundir: Path) -> bool:
    """Say whether there is a reason for not storing a file."""
    if not os.path.lexists(path):
        return True
    if path.is_relative_to(rundir):
        top = path.relative_to(rundir).parts[0]
        if top in {"manifest.json", "superseded-1"}:  # where the store has its own
            return True
    if not path.is_symlink():
        return not (path.is_file() or path.is_dir())
    try:
        real = path.resolve(strict=True)
        return not real.is_relative_to(rundir) or path.is_relative_to(real)
    except (OSError, RuntimeError):
        return True


def test_what_is_uploaded_is_stored_what_is_stuck_says_why_and_a_restart_loses_nothing(
    lab: Lab, tmp_path: Path
) -> None:
    seed = os.environ.get("ASIMOV_SEED") or str(random.randrange(10**6))
    print(f"ASIMOV_SEED={seed}")
    trees: dict[str, Tree] = {}
    kinds = {"trees": Trees, "removing": Removing, "sparing": Sparing}
    for name, kind in kinds.items():
        kind.trees = trees
        lab.register(name, kind)
    end = time.monotonic() + 8
    seen: set[str] = set()
    for number in range(4):
        if number and time.monotonic() > end:
            break
        names = [f"t{number}x{each}" for each in range(30)]
        for each in names:
            trees[each] = Tree(f"{seed}/{each}", tmp_path / "web" / each)
        lab.apply(*(f"{n}, pipeline: {list(kinds)[i % 3]}" for i, n in enumerate(names)))
        lab.run("monitor", "--chain")
        lays = {each: lay_of(lab.rundir(each)) for each in names}
        lab.run("monitor")
        rows = lab.rows()
        for each in names:
            seen.add(rows[each]["status"])
            assert lay_of(lab.rundir(each)) == lays[each], each
            assert_stored_or_stuck(lab, trees[each], each, rows[each])
        everywhere = (lab.root / "working", lab.root / "results")
        contents = contents_of(*everywhere)
        with closing((workspace := lab.open()).journal):
            for each in names:
                workspace.move(("s", each), "restart", "ada", None)
        lab.run("monitor")
        assert {lab.rows()[each]["status"] for each in names} == {"ready"}
        assert contents <= contents_of(*everywhere)
        lab.run("monitor", "--chain")
        assert contents <= contents_of(*everywhere)
    assert seen == {"uploaded", "stuck"}
