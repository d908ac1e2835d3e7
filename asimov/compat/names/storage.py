"""Re-export the results store for packages that import `asimov.storage`."""

from asimov.project.storage.store import AlreadyPresentException, Store

__all__ = ["AlreadyPresentException", "Store"]
