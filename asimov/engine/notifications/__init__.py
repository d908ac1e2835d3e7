"""Notify people and programs of changes of state."""
