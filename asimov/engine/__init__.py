"""Moves analyses forward: builds, submits, observes, monitors and explains them."""
