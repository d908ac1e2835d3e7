"""An open project, and the objects that pipelines see."""
