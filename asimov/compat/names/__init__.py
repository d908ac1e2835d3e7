"""Modules that published packages import as `asimov.event`, `asimov.priors` and so on.

Each says which packages need it. The entry-point group ``asimov.names`` gives them these names.
"""
