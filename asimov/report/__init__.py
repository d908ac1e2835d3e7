"""Reports on a project: HTML pages, and its graph of analyses as text, Graphviz or JSON."""
