"""Crates: an analysis with all that made it, as a Workflow Run RO-Crate; written and read."""
