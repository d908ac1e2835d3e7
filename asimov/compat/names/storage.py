"""The results store, imported as `asimov.storage`."""

from asimov.project.storage.store import AlreadyPresentException, Store

__all__ = ["AlreadyPresentException", "Store"]
