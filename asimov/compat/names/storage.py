"""The results store, by the older module."""

from asimov.project.storage.store import AlreadyPresentException, Store

__all__ = ["AlreadyPresentException", "Store"]
