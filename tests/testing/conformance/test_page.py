"""The page on testing has the contracts as the program has them."""

from __future__ import annotations

from pathlib import Path

from asimov.testing.conformance.contracts import CONTRACTS, EVERYWHERE, SCENES

PAGE = (Path(__file__).parents[3] / "docs" / "testing-a-pipeline.md").read_text()


def rows(heading: str) -> list[list[str]]:
    lines = PAGE.split(heading)[1].strip().splitlines()[1:]
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


def test_the_table_of_contracts_is_the_programs() -> None:
    everywhere = {EVERYWHERE: "in all scenes but loading"}
    assert rows("| contract | what has to hold | where it is seen |") == [
        [f"`{each.name}`", each.sentence, everywhere.get(each.scene, each.scene)]
        for each in CONTRACTS.values()
    ]


def test_the_table_of_scenes_is_the_programs() -> None:
    assert rows("| scene | what happens |") == [list(each) for each in SCENES.items()]
