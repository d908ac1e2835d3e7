"""The examples in docstrings are run."""

import doctest
from importlib import import_module
from pathlib import Path

import asimov.pipelines

import asimov


def test_examples_in_docstrings_are_true():
    attempted = 0
    for package in (asimov, asimov.pipelines):
        for top in map(Path, package.__path__):
            for path in sorted(top.rglob("*.py")):
                if ">>> " not in path.read_text():
                    continue
                inside = path.relative_to(top).with_suffix("").parts
                name = ".".join((package.__name__, *inside)).removesuffix(".__init__")
                result = doctest.testmod(import_module(name), report=True)
                assert result.failed == 0, name
                attempted += result.attempted
    assert attempted >= 4
