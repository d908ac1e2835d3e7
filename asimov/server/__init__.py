"""The service, ``asimov serve``: a project over HTTP. It needs the extra ``asimov[server]``.

The process that serves asks and acts through helper processes, so that a slow pipeline or scheduler
holds up nobody else, and it keeps nothing: what it knows is in ledger and journal.
"""
