"""The examples in docstrings are run."""

import doctest
import pkgutil
from importlib import import_module

import asimov.pipelines

import asimov


def test_examples_in_docstrings_are_true():
    attempted = 0
    for package in (asimov, asimov.pipelines):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith("__main__"):
                continue
            result = doctest.testmod(import_module(module.name), report=True)
            assert result.failed == 0, module.name
            attempted += result.attempted
    assert attempted >= 4
