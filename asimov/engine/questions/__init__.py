"""Ask people what pipelines want to know before their analyses go on, and take the answers."""
