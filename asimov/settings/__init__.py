"""Settings that a pipeline declares: a class with a field for each, and its checks."""

from asimov.settings.fields import BaseSettings
from asimov.settings.validation import Fault, Setting, check, faults, made

__all__ = ["BaseSettings", "Fault", "Setting", "check", "faults", "made"]
