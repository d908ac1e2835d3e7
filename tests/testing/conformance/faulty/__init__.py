"""Pipelines with one fault each, and one without."""
