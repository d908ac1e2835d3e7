"""The open project, and the objects for analyses and subjects that pipelines see."""
