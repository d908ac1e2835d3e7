"""Analysis classes for gravitational-wave data: pipelines read priors and power spectra from them.

They also find the file of GPS times, and fetch the coinc file (the triggers of an event, as XML).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from asimov.compat.names.priors import PriorDict
from asimov.compat.objects import FILES
from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.project.analysis import Analysis, ProjectAnalysis, SimpleAnalysis, SubjectAnalysis
from asimov.project.git.repository import AsimovFileNotFound
from asimov.rendering.access import reads
from asimov.settings.merging import difference, merge

if TYPE_CHECKING:
    from asimov.journal.keys import Key


class NoCoincFileError(AsimovFileNotFound, ValueError):
    """There is no coinc file and none can be fetched; RIFT continues after a ValueError."""


class GravitationalWaves(Analysis):
    """Attributes of analyses of gravitational-wave data."""

    #: What templates of a project may also read; ``get_coincfile`` fetches nothing for them.
    for_templates: ClassVar[dict[str, str]] = reads(
        "quality", "reference_frame", "priors", "psds", "xml_psds", "get_psds", "get_timefile",
        get_coincfile="_kept_coincfile",
    )  # fmt: skip

    #: PSDs that a pipeline has set for as long as the process lives, by the name of the setting.
    _set_psds: dict[str, Mapping[str, Any]]

    @property
    def quality(self) -> Any:
        """The setting ``quality``; None where there is none."""
        return self.meta.get("quality")

    @property
    def reference_frame(self) -> str:
        """The first two interferometers in one word, or the only one.

        Raises
        ------
        AsimovError
            Where the settings name no interferometers.
        """
        detectors = self.meta.get("interferometers")
        if not detectors:
            raise AsimovError(
                f"{self.key} has no 'interferometers'",
                hint="set them for the subject: 'interferometers: [H1, L1]'",
            )
        return "".join(detectors[:2])

    @property
    def priors(self) -> Any:
        """The setting ``priors`` as an `asimov.priors.PriorDict`; None where there is none.

        Raises
        ------
        AsimovError
            Where they can't be priors.
        """
        given = self.meta.get("priors")
        return None if given is None else PriorDict.from_dict(given)

    @priors.setter
    def priors(self, value: Mapping[str, Any] | None) -> None:
        checked = PriorDict.from_dict(value or {})
        self.meta["priors"] = None if value is None else checked.to_dict()

    @property
    def psds(self) -> dict[str, Any]:
        """The power spectra as text files, by detector; empty where there are none.

        They are those of the analysis itself, else those that the analyses which it uses have
        made, else those of the subject. Set, they hold for as long as the process lives.

        Raises
        ------
        AsimovError
            Where several of the used analyses have made different ones; where one should have
            made some and has not; where an entry is by sample rate and has none for the
            analysis's own.
        """
        return self._psds("psds")

    @psds.setter
    def psds(self, value: Mapping[str, Any]) -> None:
        self._keep_psds("psds", value)

    @property
    def xml_psds(self) -> dict[str, Any]:
        """The power spectra as XML files, by detector: as `psds`, of ``xml psds``."""
        return self._psds("xml psds")

    @xml_psds.setter
    def xml_psds(self, value: Mapping[str, Any]) -> None:
        self._keep_psds("xml psds", value)

    def get_psds(self, format: str = "ascii", sample_rate: float | None = None) -> Any:
        """Return the power spectra, as older releases did.

        Parameters
        ----------
        format
            ``ascii`` for `psds`, a mapping by detector; ``xml`` for a list of XML files: those of
            `xml_psds`, else those in the repository's folder ``psds/<sample rate>``.
        sample_rate
            For which, in Hz; by default the setting of the likelihood.
        """
        if format == "ascii":
            return self._psds("psds", sample_rate)
        if format != "xml":
            raise ValueError(f"there are no PSDs in the format {format!r}; use 'ascii' or 'xml'")
        rate = sample_rate if sample_rate is not None else self._sample_rate
        kept = Path(self.repository.directory, self.category, "psds", str(rate))
        return list(self._psds("xml psds", sample_rate).values()) or sorted(
            str(path) for path in kept.glob("*.xml.gz")
        )

    def get_timefile(self) -> str:
        """Return the path of the subject's file of GPS times.

        Raises
        ------
        AsimovFileNotFound
            Where the repository has none.
        """
        return self.repository.find_file(FILES["find_timefile"], self.category)

    def get_coincfile(self) -> str:
        """Return the path of the subject's coinc file; it is fetched where there is none.

        It is fetched by the hook ``gracedb`` for the ``preferred event`` of the setting ``ligo``,
        and kept in the repository.

        Raises
        ------
        NoCoincFileError
            Where there is none, and none can be fetched.
        """
        try:
            return self._kept_coincfile()
        except AsimovFileNotFound as error:
            identity = (self.meta.get("ligo") or {}).get("preferred event")
            if not identity or not entrypoints.is_known(entrypoints.FILESOURCE, "gracedb"):
                raise NoCoincFileError(
                    f"{self.key[0]} has no coinc file",
                    where=Path(self.repository.directory, self.category),
                    hint="put one into this folder; or set 'ligo: preferred event' and install a "
                    "package that fetches it, such as asimov-gracedb",
                ) from error
        if self.workspace.reading:
            raise NoCoincFileError(
                f"{self.key[0]} has no coinc file yet: 'asimov manage build' fetches it",
                where=Path(self.repository.directory, self.category),
            )
        from asimov.plugins import hooks

        workspace: Any = self.workspace
        content = hooks.fetch(workspace, "gracedb", str(identity), "coinc.xml")
        with tempfile.NamedTemporaryFile(suffix=".xml") as fetched:
            fetched.write(content)
            fetched.flush()
            self.repository.add_file(
                fetched.name, Path(self.category, "coinc.xml"), f"Add coinc.xml of {identity}"
            )
        return self._kept_coincfile()

    def _kept_coincfile(self) -> str:
        return self.repository.find_file(FILES["find_coincfile"], self.category)

    # --- where PSDs are from

    def _keep_psds(self, name: str, value: Mapping[str, Any]) -> None:
        self._set_psds = {**getattr(self, "_set_psds", {}), name: dict(value)}

    @property
    def _sample_rate(self) -> Any:
        return (self.meta.get("likelihood") or {}).get("sample rate")

    def _psds(self, name: str, rate: float | None = None) -> dict[str, Any]:
        kept: Mapping[str, Any] | None = getattr(self, "_set_psds", {}).get(name)
        if kept is None:
            kept = self._own_psds(name)
        if kept is None:
            kept = self._made_psds(name)
        if kept is None:
            kept = self.meta.get(name) or {}
        return self._at_rate(name, kept, rate if rate is not None else self._sample_rate)

    def _own_psds(self, name: str) -> Mapping[str, Any] | None:
        """Return what is set for the analysis itself: with the subject's they would be mixed."""
        facts = self.workspace.facts.get(self.key, {})
        written = difference(self.kept_meta, self.meta)
        layers = [layer for layer in (self.entry.data, facts, written) if layer.get(name)]
        return merge({name: layer[name]} for layer in layers)[name] if layers else None

    def _made_psds(self, name: str) -> Mapping[str, Any] | None:
        """Return what the used analyses have made; None where they are not for making any."""
        made: dict[Key, Mapping[str, Any]] = {}
        concerned = []
        for each in self.inputs:
            assets = each.assets
            declared = getattr(each.pipeline, "available_outputs", ())
            promised = declared if isinstance(declared, (list, tuple, set, dict)) else ()
            if {"psd", "psds"} & {*promised} or {"psds", "xml psds"} & assets.keys():
                concerned.append(each)
            if assets.get(name):
                made[each.key] = assets[name]
            elif each in concerned and not (assets.get("psds") or assets.get("xml psds")):
                raise AsimovError(
                    f"{self.key}: {each.key} has made no {name} yet",
                    hint=f"wait for it, or add another analysis with {name} to 'needs': no others "
                    "are used",
                )
        different = [psds for psds in made.values() if psds != next(iter(made.values()))]
        if different:
            names = ", ".join(each for _, each in made)
            raise AsimovError(
                f"{self.key}: several analyses that it needs have made {name}: {names}",
                hint=f"narrow its 'needs', or set its own '{name}'",
            )
        return next(iter(made.values()), {} if concerned else None)

    def _at_rate(self, name: str, psds: Mapping[Any, Any], rate: Any) -> dict[str, Any]:
        """Return the PSDs of a sample rate, where they are by sample rate."""
        by_rate = {str(key): each for key, each in psds.items()}
        if not psds or not all(
            key.isdigit() and isinstance(each, Mapping) for key, each in by_rate.items()
        ):
            return dict(psds)
        wanted = f"{rate:g}" if isinstance(rate, float) else str(rate)
        if wanted not in by_rate:
            raise AsimovError(
                f"{self.key}: there are no {name} for a sample rate of {rate}",
                hint=f"'likelihood: sample rate' should be one of: {', '.join(by_rate)}",
            )
        return dict(by_rate[wanted])


class GravitationalWaveTransient(GravitationalWaves, SimpleAnalysis):
    """A pipeline's run on one subject with gravitational-wave data."""


class GravitationalWaveSubjectAnalysis(GravitationalWaves, SubjectAnalysis):
    """A pipeline's run on several analyses of such a subject."""


class GravitationalWaveProjectAnalysis(GravitationalWaves, ProjectAnalysis):
    """A pipeline's run across subjects, with settings of gravitational-wave data."""


#: The class of each kind of analysis.
KINDS = {
    "simple": GravitationalWaveTransient,
    "subject": GravitationalWaveSubjectAnalysis,
    "project": GravitationalWaveProjectAnalysis,
}
