"""Any other pool: no rules, and no defaults."""

from __future__ import annotations

from asimov.scheduler.sites.profile import Site

SITE = Site(title="a pool without rules of its own")
