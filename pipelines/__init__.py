"""The pipelines that ship with asimov, found through entry points like all others."""

from typing import TYPE_CHECKING

from asimov.discovery.names import added_to

if not TYPE_CHECKING:  # so that type checkers still see names that don't exist
    __getattr__ = added_to(__name__)
