"""The plugin protocol of QHAna (quantum humanities): pipelines as plugins, analyses as tasks.

Plugin runners, the plugin registry and its web pages speak this protocol. A pipeline takes part if
it has a card, which describes it to other programs. What the protocol needs to remember is in the
journal; `asimov.journal.tasks` has the tasks, `asimov.journal.plugin_memory` the rest.
"""
