"""Aliases that would come to more than anybody means are refused before they are written out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from asimov.errors import AsimovError
from asimov.ledger.documents import dump, read_documents

#: 357 bytes, of which a ledger file of 10 MB was made in 17 seconds.
BOMB = "kind: subject\nname: s\na: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcde", "bcdef", strict=True)
)

BOMBS = {
    "lists": BOMB,
    "mappings": "a0: &a0 {x: 1}\n" + "".join(
        f"a{i}: &a{i} {{{', '.join(f'k{j}: *a{i - 1}' for j in range(10))}}}\n" for i in range(1, 6)
    ),
    "merges with a key of their own each": "a0: &a0 {x: 1}\n" + "".join(
        f"a{i}: &a{i} {{{', '.join(f'k{i}{j}: {{<<: *a{i - 1}}}' for j in range(10))}}}\n"
        for i in range(1, 6)
    ),
    "merges of what is large": "a: &a {" + ", ".join(f"k{i}: 1" for i in range(500)) + "}\n"
    + "".join(f"m{i}: {{<<: *a}}\n" for i in range(400)),
    "long text": f"a: &a {'x' * 20_000}\nb: &b [{', '.join(['*a'] * 50)}]\n"
    f"c: [{', '.join(['*b'] * 50)}]\n",
    "keys": "a: &a " + "x" * 1000 + "\nb: &b {" + ", ".join(f"k{i}: *a" for i in range(900)) + "}\n"
    "c: [" + ", ".join(["*b"] * 100) + "]\n",
}  # fmt: skip


BOMBS["many small ones"] = 200 * (
    f"---\na: &a [{'x,' * 25}]\nb: &b [{'*a,' * 25}]\nc: [{'*b,' * 25}]\n"
)


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_with_its_place_and_the_limit(bomb: str) -> None:
    with pytest.raises(AsimovError) as told:
        read_documents(BOMBS[bomb], "f.yaml")
    assert "once its aliases (*NAME) are expanded" in str(told.value)
    assert "has more than" in str(told.value)
    assert str(told.value).startswith("f.yaml:")


def test_a_bomb_takes_next_to_no_time_and_memory(tmp_path: Path) -> None:
    assert len(BOMB) < 357
    (tmp_path / "b.yaml").write_text(BOMB)
    program = (
        "import sys, time\nfrom asimov.ledger import blueprints\n"
        "from asimov.errors import AsimovError\nbegan = time.process_time()\n"
        "try: blueprints.read(['b.yaml'])\nexcept AsimovError: pass\nelse: sys.exit(1)\n"
        "assert time.process_time() - began < 2\n"
        # The system's own figure of the most memory counts that of the process that started it.
        "most = next(each for each in open('/proc/self/status') if each.startswith('VmHWM'))\n"
        "assert int(most.split()[1]) < 200_000, most\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)


def test_settings_that_thousands_of_analyses_share_are_no_bomb() -> None:
    shared = ", ".join(f"setting {i}: {i}" for i in range(60))
    text = f"common: &common {{{shared}}}\nanalyses:\n" + "".join(
        f"- {{name: a{i}, pipeline: command, <<: *common, again: *common}}\n" for i in range(1000)
    )
    (document,) = read_documents(text, "f.yaml")
    assert len(document.data["analyses"][999]) == 63
    assert document.data["analyses"][0]["again"] == document.data["common"]


def test_a_merged_key_counts_once_whoever_has_it() -> None:
    text = "a0: &a0 {x: 1, y: 2}\n" + "".join(
        f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}\n" for i in range(1, 13)
    )
    assert read_documents(text, "f.yaml")[0].data["a12"] == {"x": 1, "y": 2}
    assert len(dump(read_documents(text, "f.yaml")[0].data)) < 1000


@pytest.mark.parametrize(
    "text", ["a: &a {<<: *a}\n", "a: &a {b: {<<: *a}}\n", "a: &a\n  <<: [{b: *a}]\n"]
)
def test_a_merge_of_itself_is_refused(text: str) -> None:
    with pytest.raises(AsimovError, match=r"alias that refers to itself|not valid YAML"):
        read_documents(text, "f.yaml")
