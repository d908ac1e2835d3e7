"""Why jobs are held: HTCondor's codes and their classes."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from asimov.ledger import hold_policy
from asimov.scheduler.hold_reasons import BY_WORDS, CLASSES, CODES, ERRORS, SUBCODES, classify
from tests.test_states import rows

PAGE = Path(__file__).parents[2] / "docs" / "holds.md"


@pytest.mark.parametrize(
    ("code", "subcode", "reason", "kind"),
    [
        (1, 0, "via condor_hold (by user ada)", "user"),
        (15, None, "submitted on hold at user's request", "user"),
        (34, 102, "Job has gone over cgroup memory limit of 128 megabytes", "memory"),
        (34, 104, "Job has exceeded request_disk", "disk"),
        (34, 0, "over its limit", "memory"),
        (21, 102, "", "memory"),
        (6, errno.ENOENT, "Failed to execute", "input"),
        (6, errno.EIO, "Failed to execute", "transient"),
        (6, errno.E2BIG, "Failed to execute", "permanent"),
        (6, 0, None, "transient"),
        (13, errno.ENOENT, "Transfer input files failure", "input"),
        (13, 256, "curl: timed out", "transient"),
        (12, errno.ENOSPC, "no space left on device", "disk"),
        (12, errno.EDQUOT, "quota exceeded", "permanent"),
        (14, errno.ENOENT, "Cannot access initial working directory", "input"),
        (3, 0, "Memory use is above 1 GB", "memory"),
        (26, 5, "disk usage over the limit", "disk"),
        (26, 5, "too many starts", "permanent"),
        (3, None, None, "permanent"),
        (5, 0, "the memory policy is undefined", "permanent"),
        (99, 0, "memory", "permanent"),
        (None, None, "memory", "permanent"),
    ],
)
def test_a_hold_has_a_class(code, subcode, reason, kind):
    assert classify(code, subcode, reason) == kind


def test_every_class_of_the_table_has_a_policy():
    assert set(CLASSES) == set(hold_policy.DEFAULTS)
    kinds = {each.kind for each in CODES.values()} | {*ERRORS.values(), *SUBCODES.values()}
    assert kinds - {BY_WORDS} <= set(CLASSES)


def test_the_page_shows_the_same_tables():
    text = PAGE.read_text()
    assert rows(text, ["class", "meaning"]) == [[*each] for each in CLASSES.items()]
    assert rows(text, ["code", "class", "what has happened"]) == [
        [str(each.code), each.kind + (", by subcode" if each.by_errno else ""), each.meaning]
        for each in CODES.values()
    ]
    assert rows(text, ["error", "class"]) == [
        [f"{number} ({errno.errorcode[number]})", kind] for number, kind in ERRORS.items()
    ]
    assert rows(text, ["code", "subcode", "class"]) == [
        [str(code), str(subcode), kind] for (code, subcode), kind in SUBCODES.items()
    ]
