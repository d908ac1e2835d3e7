"""Words with what the submit language and its quotes may take for their own."""

from __future__ import annotations

import random

_PARTS = (
    "$", "$$", "$(", "$$(", "$$([", "])", ")", "(x)", "$(x)", "$$(OpSys)", "$ENV(HOME)", "$INT(1)",
    "$(DOLLAR)", "$$(DOLLARDOLLAR)", "$(Process)", "'", '"', "''", '""', " ", "  ", "\t", ",", ";",
    "#", "\\", "=", "@=", "a", "x1", "[0]", "{", "%", "é", "!", "&", "|", "<", ">", "*", "~", "`",
)  # fmt: skip


def odd_words(count: int, parts: tuple[str, ...] = _PARTS, seed: int = 1) -> list[str]:
    """Return words that are made of some parts, always the same for a seed."""
    source = random.Random(seed)
    made = ("".join(source.choices(parts, k=source.randint(0, 6))) for _ in range(10 * count))
    # Templates have braces of their own; '$(DOLLAR)' is refused.
    unfit = ("{{", "{%", "{#", "$(DOLLAR)")
    return [each for each in made if not any(part in each for part in unfit)][:count]


def as_told(words: list[str]) -> list[str]:
    """Return the words as the only process of a job is told them."""
    return [each.replace("$(Process)", "0") for each in words]
