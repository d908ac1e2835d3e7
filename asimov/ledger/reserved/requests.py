"""What a job may request of a machine: the values of ``request cpus``, ``memory`` and the like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from asimov.text import quoted

#: What is wrong, and the path of keys to it.
Fault = tuple[str, list[str | int]]

#: The requests for a number of something, with the least that makes sense, and those for a size.
_NUMBERS = {"cpus": 1, "gpus": 0}
_SIZES = {"memory": "4 GB", "disk": "10 GB"}
_SIZE = re.compile(r"\d+(\.\d+)?\s*([KMGTP]?i?B?)", re.IGNORECASE)
#: Text with one of these is an expression over attributes of the job and the machine.
_EXPRESSION = re.compile(r"[()$.<>=+*/?&|\[\]]")


def fault(scheduler: Mapping[Any, Any]) -> Fault | None:
    """Return what is wrong with the requests among submit commands; None if nothing is.

    Parameters
    ----------
    scheduler
        The setting ``scheduler``. HTCondor reads a request as a ClassAd expression, in which a
        word such as ``lots`` stands for an attribute that no machine has: such a job waits for
        ever.
    """
    for key, value in scheduler.items():
        name = str(key).strip().lower().replace("_", " ").removeprefix("request ")
        if name in _NUMBERS and not _is_number(value, _NUMBERS[name]):
            wanted = f"a whole number from {_NUMBERS[name]}"
        elif name in _SIZES and not _is_size(value):
            wanted = f"a size such as '{_SIZES[name]}'"
        else:
            continue
        return f"should be {wanted}, and is {quoted(value)}", [key]
    return None


def _is_number(value: Any, least: int) -> bool:
    if value is None:
        return True
    if isinstance(value, str):
        text = value.strip()
        return int(text) >= least if _is_digits(text) else _is_expression(text)
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_size(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, str):
        text = value.strip()
        return _SIZE.fullmatch(text) is not None or _is_expression(text)
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _is_expression(text: str) -> bool:
    return _EXPRESSION.search(text) is not None
