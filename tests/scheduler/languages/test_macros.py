"""Text that HTCondor is to leave as it is."""

from __future__ import annotations

import pytest

from asimov.scheduler.languages.macros import fault_of_macros, literal
from asimov.scheduler.languages.submit_file import parse_submit
from tests.odd_words import odd_words


def test_the_local_scheduler_reads_every_text_as_it_was_meant() -> None:
    for text in odd_words(2000, seed=3):
        submit = parse_submit(f"executable = x\narguments = |{literal(text)}|\nqueue", "a.sub")
        assert submit.value("arguments", {}) == f"|{text}|", text


@pytest.mark.parametrize("text", ["$(DOLLAR)", "$$$(dollar)", "a$(DOLLAR:x)"])
def test_a_dollar_sign_that_htcondor_would_write_itself_is_refused(text: str) -> None:
    assert fault_of_macros(text)
    assert not fault_of_macros(text.replace("(", "", 1))


def test_the_number_of_the_process_may_stay_a_macro() -> None:
    assert literal("$$$(Process)$(x)", process=True) == "$$(DOLLARDOLLAR)$(Process)$(DOLLAR)(x)"
    assert literal("$(Process)") == "$(DOLLAR)(Process)"
