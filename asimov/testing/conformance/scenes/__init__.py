"""The scenes of ``asimov plugins check``: test runs of a pipeline, one module each."""
