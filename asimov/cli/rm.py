"""``asimov rm``: remove analyses, or whole subjects, from the ledger."""

from __future__ import annotations

from asimov.cli.ledger.removal import rm_command as command

__all__ = ["command"]
