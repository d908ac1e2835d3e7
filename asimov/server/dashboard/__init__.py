"""The dashboard: pages about the project that a group keeps open."""
