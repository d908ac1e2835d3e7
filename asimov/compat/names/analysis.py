"""Re-export the classes of analyses for packages that import `asimov.analysis`."""

from asimov.compat.gravitational_waves.analyses import GravitationalWaveTransient
from asimov.project.analysis import Analysis, ProjectAnalysis, SimpleAnalysis, SubjectAnalysis

__all__ = [
    "Analysis",
    "GravitationalWaveTransient",
    "ProjectAnalysis",
    "SimpleAnalysis",
    "SubjectAnalysis",
]
