"""Modules that exist only for published packages; each says which ones need it.

They are imported as `asimov.event`, `asimov.priors` and so on: `asimov` itself looks into this
folder. Nothing imports them as `asimov.compat.names.event`, which would be a second copy.
"""
