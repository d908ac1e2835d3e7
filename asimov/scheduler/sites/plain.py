"""The profile of a pool of no known site: it adds no rules for jobs and no default commands."""

from __future__ import annotations

from asimov.scheduler.sites.profile import Site

SITE = Site(title="a pool without rules of its own")
