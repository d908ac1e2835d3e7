"""The live view of a project in a terminal: ``asimov top``.

The view only draws. What it shows comes from processes of its own (`asimov.tui.answering`), so that
neither a plugin that prints nor a scheduler that does not answer can disturb the screen.
"""
