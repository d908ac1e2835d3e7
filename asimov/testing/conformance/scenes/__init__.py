"""The scenes of a conformance check, one module each."""
