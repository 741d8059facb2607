"""The questions that resolvelib asks, answered by pages, metadata and policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from resolvelib import AbstractProvider

from lockgate_marketplace.errors import FetchError, PageError, SourceError, WheelError
from lockgate_marketplace.resolve._candidates import Candidate, Pages, Shelf, shelf
from lockgate_marketplace.resolve._policy import Policy
from lockgate_marketplace.resolve._result import Rejected
from lockgate_marketplace.sources import Index
from lockgate_marketplace.wheel import Metadata, read_metadata

__all__ = ["Key", "Need", "Provider"]

Key: TypeAlias = tuple[str, frozenset[str]]
"""A name, and the extras of it that are wanted."""


@dataclass(frozen=True, slots=True)
class Need:
    """A requirement that is bound to its index."""

    requirement: Requirement
    index: Index
    parent: str = ""
    """The name that requires it; ``""`` stands for whoever asked."""
    home: str = ""
    """The index that the parent comes from."""

    @property
    def name(self) -> str:
        """Normalised."""
        return canonicalize_name(self.requirement.name)

    @property
    def key(self) -> Key:
        """What resolvelib knows it by."""
        extras = frozenset(canonicalize_name(e) for e in self.requirement.extras)
        return self.name, extras

    @property
    def exact(self) -> str:
        """The version that it names with ``==`` or ``===``, or ``""``."""
        for one in self.requirement.specifier:
            if one.operator in ("==", "===") and not one.version.endswith(".*"):
                return one.version
        return ""


class Provider(AbstractProvider[Need, Candidate, Key]):
    """Answers for one resolution; keeps the reasons against what it left out."""

    def __init__(self, pages: Pages, policy: Policy) -> None:
        self._pages = pages
        self._policy = policy
        self._shelves: dict[str, Shelf] = {}
        self._index: dict[str, Index] = {}
        self._read: dict[tuple[str, str], tuple[bytes, Metadata] | None] = {}
        self.rejected: dict[tuple[str, str], Rejected] = {}

    def identify(self, requirement_or_candidate: Need | Candidate) -> Key:
        """The name, and the extras."""
        one = requirement_or_candidate
        return one.key if isinstance(one, Need) else (one.name, one.extras)

    def get_preference(
        self,
        identifier: Key,
        resolutions: Mapping[Key, Candidate],
        candidates: Mapping[Key, Iterator[Candidate]],  # noqa: ARG002
        information: Mapping[Key, Iterator[Any]],
        backtrack_causes: Sequence[Any],
    ) -> tuple[bool, bool, bool, str]:
        """Decided names first, then what clashed, then what is bound closely."""
        needs: list[Need] = [info.requirement for info in information[identifier]]
        clashed = {cause.requirement.name for cause in backtrack_causes}
        return (
            identifier not in resolutions,
            identifier[0] not in clashed,
            not any(need.exact for need in needs),
            identifier[0],
        )

    def find_matches(
        self,
        identifier: Key,
        requirements: Mapping[Key, Iterator[Need]],
        incompatibilities: Mapping[Key, Iterator[Candidate]],
    ) -> Any:
        """A callable, so that metadata is read only of what is really looked at."""
        name, extras = identifier
        needs = [n for key in requirements if key[0] == name for n in requirements[key]]
        refused = {c.version for c in incompatibilities.get(identifier, ())}
        index = self._one_index(name, needs)
        ready = self._shelf_for(name, index, needs)
        offered = list(ready.candidates)
        for need in needs:
            if need.exact in ready.yanked:  # PEP 592: an exact version may be yanked
                offered.append(ready.yanked[need.exact])
        locked = self._policy.locked.get(name, "")
        offered.sort(key=lambda c: (str(c.version) == locked, c.version), reverse=True)

        def usable() -> Iterator[Candidate]:
            for candidate in offered:
                if candidate.version in refused or not self._fits(candidate, needs):
                    continue
                if self._readable(candidate):
                    yield replace(candidate, extras=extras)

        return usable

    def is_satisfied_by(self, requirement: Need, candidate: Candidate) -> bool:
        """Whether the version is within the specifier."""
        return requirement.requirement.specifier.contains(
            candidate.version, prereleases=True
        )

    def get_dependencies(self, candidate: Candidate) -> Iterator[Need]:
        """What it requires here; of something with extras, the thing itself first."""
        if candidate.extras:
            exact = Requirement(f"{candidate.name}=={candidate.version}")
            yield Need(exact, candidate.index, candidate.name)
        for requirement in self.requires(candidate):
            index = self._pages.sources.bind_dependency(
                requirement.name, candidate.index
            )
            yield Need(requirement, index, candidate.name, candidate.index.name)

    def requires(self, candidate: Candidate) -> Iterable[Requirement]:
        """The requirements of a candidate whose markers hold here.

        Raises:
            PageError: If a marker is unsound.
        """
        _, metadata = self.metadata(candidate)
        provided = self._policy.provided
        for text in metadata.requires_dist:
            requirement = Requirement(text)
            try:
                holds = any(
                    _holds(requirement, {**self._policy.environment, "extra": extra})
                    for extra in candidate.extras or ("",)
                )
            except (UndefinedEnvironmentName, ValueError) as error:
                message = f"the marker of {text[:80]!r} cannot be evaluated: {error}"
                where = candidate.file.filename
                raise PageError("page-metadata", message, where=where) from None
            if holds and canonicalize_name(requirement.name) not in provided:
                yield requirement

    @property
    def firm(self) -> bool:
        """Whether no option shortens the cooldown."""
        return self._policy.cooldown_level == "required"

    def status(self, name: str) -> str:
        """What its index says of the whole project, if it is not active."""
        return self._shelves[name].status

    def metadata(self, candidate: Candidate) -> tuple[bytes, Metadata]:
        """What was read of a candidate that was found usable.

        Raises:
            LookupError: If it was not.
        """
        found = self._read[candidate.name, str(candidate.version)]
        if found is None:
            raise LookupError(candidate.file.filename)
        return found

    def _one_index(self, name: str, needs: Sequence[Need]) -> Index:
        for need in needs:
            known = self._index.setdefault(name, need.index)
            if known != need.index:
                message = (
                    f"{name} is wanted from {known.name} and from {need.index.name}"
                    + (f" (by {need.parent})" if need.parent else "")
                )
                raise SourceError("source-two-indexes", message, where=name)
        return self._index[name]

    def _shelf_for(self, name: str, index: Index, needs: Sequence[Need]) -> Shelf:
        """The shelf; who needs it is told, where the index has no such project.

        Raises:
            FetchError: ``fetch-missing``.
        """
        try:
            return self._shelf(name, index)
        except FetchError as error:
            by = sorted({need.parent for need in needs})
            if error.code != "fetch-missing" or "" in by:
                raise
            message = (
                f"{', '.join(by)} needs {name}, and the index {index.name} has none"
            )
            hint = (
                "If it comes from another index of yours: `dependencies` in "
                f"[plugins.marketplace.indexes.{needs[0].home}] names that."
            )
            raise FetchError(
                "fetch-missing", message, where=error.where, hint=hint
            ) from None

    def _shelf(self, name: str, index: Index) -> Shelf:
        if name not in self._shelves:
            self._shelves[name] = shelf(self._pages, index, name, self._policy)
            for rejected in self._shelves[name].rejected:
                self.rejected[name, rejected.version] = rejected
        return self._shelves[name]

    def _fits(self, candidate: Candidate, needs: Sequence[Need]) -> bool:
        version, name = candidate.version, candidate.name
        for need in needs:
            specifier = need.requirement.specifier
            if not specifier.contains(version, prereleases=True):
                by = f"{need.parent} requires" if need.parent else "you asked for"
                self.reject(candidate, "requirement", f"{by} {specifier}")
                return False
        asked = any(need.requirement.specifier.prereleases for need in needs)
        if version.is_prerelease and not (
            asked or self._policy.takes_prereleases(name)
        ):
            self.reject(candidate, "pre-release", "it is a pre-release")
            return False
        return True

    def _readable(self, candidate: Candidate) -> bool:
        """Whether its metadata can be read and let it run here."""
        key = candidate.name, str(candidate.version)
        if key not in self._read:
            self._read[key] = self._looked_at(candidate)
        return self._read[key] is not None

    def _looked_at(self, candidate: Candidate) -> tuple[bytes, Metadata] | None:
        file = candidate.file
        manifest = self._pages.manifest(candidate.index, file)
        if manifest is not None and not self._fits_host(candidate, manifest):
            return None
        try:
            raw = self._pages.metadata(candidate.index, file)
            metadata = read_metadata(raw, file.wheel, f"{file.filename}: METADATA")
            python = SpecifierSet(metadata.requires_python)
        except PageError as error:
            if error.code != "page-metadata":
                raise  # somebody tampers
            self.reject(candidate, "metadata", error.message)
            return None
        except (WheelError, InvalidSpecifier) as error:
            self.reject(candidate, "metadata", f"its metadata are unsound: {error}")
            return None
        if not python.contains(self._policy.python, prereleases=True):
            reason = f"it requires Python {python}, this is {self._policy.python}"
            self.reject(candidate, "python", reason)
            return None
        if reason := self._host_is_too_old(metadata):
            self.reject(candidate, "host", reason)
            return None
        return raw, metadata

    def _host_is_too_old(self, metadata: Metadata) -> str:
        """Why what the host provides is not what the wheel requires, or ``""``."""
        provided = self._policy.provided
        for requirement in map(Requirement, metadata.requires_dist if provided else ()):
            here = provided.get(canonicalize_name(requirement.name))
            if here is None or requirement.specifier.contains(here, prereleases=True):
                continue
            with suppress(UndefinedEnvironmentName, ValueError):  # `requires` tells
                if _holds(requirement, {**self._policy.environment, "extra": ""}):
                    return f"it requires {requirement}, this host has {here}"
        return ""

    def _fits_host(self, candidate: Candidate, manifest: Mapping[str, object]) -> bool:
        wanted = str(manifest.get("hook_api", ""))
        try:
            fits = SpecifierSet(wanted).contains(self._policy.hook_api)
        except InvalidSpecifier:
            fits = False
        if not fits:
            reason = (
                f"it is for hook API {wanted}, this host has {self._policy.hook_api}"
            )
            self.reject(candidate, "hook-api", reason)
        return fits

    def reject(self, candidate: Candidate, code: str, reason: str) -> None:
        """Keep the first reason against a candidate."""
        version = str(candidate.version)
        self.rejected.setdefault(
            (candidate.name, version),
            Rejected(
                candidate.name,
                version,
                candidate.index.name,
                code,
                reason,
                candidate.file.filename,
            ),
        )


def _holds(requirement: Requirement, environment: Mapping[str, str]) -> bool:
    marker = requirement.marker
    return marker is None or marker.evaluate(dict(environment))
