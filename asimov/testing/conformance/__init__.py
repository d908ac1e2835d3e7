"""The contracts of a pipeline, and what finds out whether one keeps them: ``asimov plugins check``.

A pipeline is driven through its life in scratch projects (`asimov.testing`), scene by scene, each
in a process of its own, since a pipeline may end or hang the process that calls it.
"""
