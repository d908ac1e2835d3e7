"""The repository of a subject, by the older module."""

from asimov.project.git.repository import AsimovFileNotFound, EventRepo

__all__ = ["AsimovFileNotFound", "EventRepo"]
