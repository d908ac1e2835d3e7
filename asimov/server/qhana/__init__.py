"""The QHAna plugin-runner protocol: pipelines with a card are plugins, and analyses are tasks.

Other plugin runners, the plugin registry and its web pages speak it. What it needs to remember is
in the journal; `asimov.journal.tasks` has the tasks, `asimov.journal.plugin_memory` the rest.
"""
