"""Older modules that packages still import, such as `asimov.event` and `asimov.priors`.

Each says which packages need it. The entry-point group ``asimov.names`` gives them these names.
"""
