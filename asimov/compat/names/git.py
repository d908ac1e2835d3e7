"""Re-export the class of a subject's git repository for packages that import `asimov.git`."""

from asimov.discovery.extensions import extend
from asimov.project.git.repository import AsimovFileNotFound, EventRepo

__all__ = ["AsimovFileNotFound", "EventRepo"]

# A package may read a method of the class before an object of it is made.
extend(EventRepo, "repository")
