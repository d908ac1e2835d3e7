"""Settings that a pipeline declares: a class with a field for each, and its checks."""

from asimov.settings.declare import Fault, Setting, check, faults, made
from asimov.settings.fields import BaseSettings

__all__ = ["BaseSettings", "Fault", "Setting", "check", "faults", "made"]
