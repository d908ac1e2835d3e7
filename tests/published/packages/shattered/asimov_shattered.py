"""Broken at import."""

raise RuntimeError("this package is in pieces")
