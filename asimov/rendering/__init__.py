"""Rendering templates: Jinja, the sandbox for what comes from a project, and Liquid."""
