"""Do the wheels at hand have all that they need?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from lockgate_marketplace.errors import ContractError
from lockgate_marketplace.wheel import Wheel

__all__ = ["check_needs", "needs_of"]


def check_needs(wheels: Sequence[Wheel], provided: Mapping[str, str]) -> None:
    """Whether each requirement is met by one of `wheels`, or by what is `provided`.

    Raises:
        ContractError: ``contract-needs``, naming who needs what.
    """
    present = {wheel.name: wheel.version for wheel in wheels} | dict(provided)
    for wheel in wheels:
        for need in needs_of(wheel):
            found = present.get(canonicalize_name(need.name))
            if found is None:
                raise _lacking(wheel, need, "which is not among the wheels given")
            if not need.specifier.contains(Version(found), prereleases=True):
                raise _lacking(wheel, need, f"and {found} is given")


def needs_of(wheel: Wheel) -> Iterator[Requirement]:
    """The requirements of a wheel that count here.

    Raises:
        ContractError: ``contract-needs`` if one is none.
    """
    for text in wheel.requires_dist:
        need = _need(text, wheel)
        if need is not None:
            yield need


def _need(text: str, wheel: Wheel) -> Requirement | None:
    """The requirement, if it counts here; those of extras don't."""
    try:
        need = Requirement(text)
    except InvalidRequirement as error:
        message = f"it has a requirement that is none: {error}"
        raise ContractError("contract-needs", message, where=wheel.filename) from None
    try:
        holds = need.marker is None or need.marker.evaluate({"extra": ""})
    except (UndefinedEnvironmentName, ValueError) as error:
        message = f"the marker of {text[:80]!r} cannot be evaluated: {error}"
        raise ContractError("contract-needs", message, where=wheel.filename) from None
    return need if holds else None


def _lacking(wheel: Wheel, need: Requirement, why: str) -> ContractError:
    message = f"{wheel.name} {wheel.version} needs {need}, {why}"
    return ContractError("contract-needs", message, where=wheel.filename)
