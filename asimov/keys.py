"""Keys of analyses: the subject's name and the analysis's own."""

from __future__ import annotations

#: Stands for the subject in the keys, paths and listings of analyses across subjects.
PROJECT_ANALYSES = "project-analyses"

#: The subject's name, or `PROJECT_ANALYSES`, and the name of the analysis.
Key = tuple[str, str]
