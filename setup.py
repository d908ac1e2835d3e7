"""The packages of the distribution; all else about it is in setup.cfg."""

from setuptools import find_packages, setup

# The pipelines and templates that ship with asimov lie beside the package.
setup(
    packages=[
        *find_packages(include=["asimov", "asimov.*"]),
        *(f"asimov.{each}" for each in find_packages(include=["pipelines", "pipelines.*"])),
        "asimov.templates",
    ]
)
