"""Settings that pipelines declare: the base of their settings classes, and the checks."""

from asimov.settings.declaration import BaseSettings
from asimov.settings.validation import Fault, Setting, check, faults, made

__all__ = ["BaseSettings", "Fault", "Setting", "check", "faults", "made"]
