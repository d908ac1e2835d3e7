"""The settings that asimov itself reads, whatever the pipeline: their types and their places."""
