"""Settings that a pipeline declares: a class with a field for each, and its checks."""

from asimov.settings.declare import Fault, Setting, check, faults, made

__all__ = ["Fault", "Setting", "check", "faults", "made"]
