"""What may lie beside a wheel: its provenance, and what checks said of it.

``<wheel>.provenance`` is a PEP 740 provenance object, ``<wheel>.verdicts`` a list of
`Verdict` objects. Both are taken over as they are if their form is right and they
speak of these bytes. Whether a signature holds is for whoever installs: an index
that a client must believe would prove nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
    ValidationError,
)

from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.site.release import PROVENANCE_SUFFIX, Verdict

__all__ = [
    "SIDECAR_LIMIT_BYTES",
    "VERDICTS_SUFFIX",
    "check_provenance",
    "check_verdicts",
]

VERDICTS_SUFFIX = ".verdicts"
SIDECAR_LIMIT_BYTES = 4 << 20

Model = TypeVar("Model", bound=BaseModel)
Line = Annotated[str, StringConstraints(max_length=500)]


class _Envelope(BaseModel):
    statement: str
    signature: str


class _Attestation(BaseModel):
    """PEP 740's attestation object; a key that is not known is a later version's."""

    version: Literal[1]
    verification_material: dict[str, Any]
    envelope: _Envelope


class _Bundle(BaseModel):
    publisher: dict[str, Any]
    attestations: list[_Attestation] = Field(min_length=1, max_length=64)


class _Provenance(BaseModel):
    version: Literal[1]
    attestation_bundles: list[_Bundle] = Field(min_length=1, max_length=64)


class _Verdict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    check: Line
    outcome: Literal["passed", "noted", "refused"]
    at: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    detail: Line = ""


class _Verdicts(RootModel[Annotated[list[_Verdict], Field(max_length=200)]]):
    """The whole file."""


def check_provenance(
    raw: bytes, *, filename: str, sha256: str
) -> tuple[Mapping[str, str], ...]:
    """The publishers that a provenance object names, as text.

    Raises:
        PublishError: If its form is wrong, or an attestation in it is of another
            file (`index-sidecar-invalid`).
    """
    place = filename + PROVENANCE_SUFFIX
    model = _parsed(_Provenance, raw, place)
    for bundle in model.attestation_bundles:
        for attestation in bundle.attestations:
            _check_subject(attestation.envelope.statement, filename, sha256, place)
    return tuple(_publisher(bundle.publisher) for bundle in model.attestation_bundles)


def check_verdicts(raw: bytes, *, filename: str) -> tuple[Verdict, ...]:
    """What checks said of the wheel, the oldest first.

    Raises:
        PublishError: If the file's form is wrong (`index-sidecar-invalid`).
    """
    model = _parsed(_Verdicts, raw, filename + VERDICTS_SUFFIX)
    found = [Verdict(v.check, v.outcome, v.at, v.detail) for v in model.root]
    return tuple(sorted(found, key=lambda verdict: verdict.at))


def _parsed(kind: type[Model], raw: bytes, place: str) -> Model:
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _invalid(place, f"{where}: {first['msg']}".lstrip(": ")) from None


def _check_subject(statement: str, filename: str, sha256: str, place: str) -> None:
    """An in-toto statement must name this file and these bytes."""
    try:
        said = json.loads(base64.b64decode(statement, validate=True))
        subjects = said["subject"]
        pairs = [(one["name"], one["digest"]["sha256"]) for one in subjects]
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError) as error:
        message = f"a statement in it can't be read: {type(error).__name__}"
        raise _invalid(place, message) from error
    if (filename, sha256) not in pairs:
        named = ", ".join(f"{name} {digest}" for name, digest in pairs)[:300]
        raise _invalid(place, f"it attests other bytes: {named or 'nothing'}")


def _publisher(fields: Mapping[str, Any]) -> dict[str, str]:
    """What is text in a publisher: its kind, repository, workflow."""
    return {
        key[:80]: value[:300]
        for key, value in list(fields.items())[:20]
        if isinstance(value, str)
    }


def _invalid(place: str, why: str) -> PublishError:
    return PublishError("index-sidecar-invalid", f"{place}: {why}", where=place)
