"""What is gone on purpose says what to use instead."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("command", "instead"),
    [
        ("olivaw monitor", "use 'asimov'"),
        ("locutus fetch GW1 done result.dat", "results/SUBJECT/NAME"),
    ],
)
def test_a_program_that_is_gone(shell, command, instead):
    ran = shell(command)
    assert ran.code == 2
    assert len(ran.err.splitlines()) == 1
    assert instead in ran.err


def test_an_engine_of_the_ledger_is_refused_before_anything_is_made(asimov, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = asimov("init", "New", "--engine", "yamlfile")
    assert ran.code == 2
    assert "folder of YAML files" in ran.err
    assert not list(tmp_path.iterdir())
