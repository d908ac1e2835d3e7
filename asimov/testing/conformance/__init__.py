"""Check whether a pipeline keeps its contracts with asimov: ``asimov plugins check``.

The check runs the pipeline in scratch projects (`asimov.testing`), scene by scene. Each scene has
its own process, because a pipeline may end or hang the process that calls it.
"""
