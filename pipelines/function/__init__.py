"""The pipeline ``function``: a registered Python function as an analysis, one job a call."""
