"""Runs the checks of ``make test`` on every supported Python that is installed.

``nox`` runs them all; ``nox -s tests-3.12 -- tests/test_states.py`` runs one file on one Python.
With pyenv, make the interpreters visible first: ``PYENV_VERSION=3.10.13:3.11.7 nox``.
"""

from __future__ import annotations

import nox

#: Leaves out an announcement of the theme's authors.
QUIET = {"NO_MKDOCS_2_WARNING": "1"}

nox.options.sessions = ["tests"]
nox.options.error_on_missing_interpreters = False
nox.options.default_venv_backend = "venv"


@nox.session(python=["3.10", "3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """Lint, type-check and test; with arguments, run pytest with these alone."""
    session.install("--editable", ".[test,docs]")
    if session.posargs:
        session.run("python", "-m", "pytest", *session.posargs)
    else:
        session.run("tools/run-tests", session.bin, external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation."""
    session.install("--editable", ".[docs]")
    session.run("mkdocs", "build", "--quiet", "--strict", "--site-dir", "site", env=QUIET)


@nox.session
def release(session: nox.Session) -> None:
    """Build the distributions and try them."""
    session.install("build", "twine")
    session.run("tools/release-check", session.bin, external=True)
