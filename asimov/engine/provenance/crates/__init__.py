"""Packages of an analysis that stand by themselves: Workflow Run RO-Crates, written and read."""
