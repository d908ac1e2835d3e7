"""Render templates: those of packages as code, those of a project in a sandbox."""
