"""PEP 740: who published a file, by attestations that Sigstore vouches for.

Verified offline against the trusted root that the sigstore package brings. Which
library does it is nobody else's business: it takes half a second to import.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lockgate_marketplace.errors import IdentityError
from lockgate_marketplace.identity._values import Identity, WheelFile

if TYPE_CHECKING:
    from pypi_attestations import Attestation, AttestationBundle

__all__ = ["PROVENANCE_LIMIT_BYTES", "verify_provenance"]

PROVENANCE_LIMIT_BYTES = 1024 * 1024
_ATTESTATIONS_LIMIT = 32

# Claims of a certificate: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
_OID = "1.3.6.1.4.1.57264.1."
_ISSUER = f"{_OID}8"
_REPOSITORY_URI, _REPOSITORY_ID = f"{_OID}12", f"{_OID}15"
_OWNER_URI, _OWNER_ID = f"{_OID}16", f"{_OID}17"
_BUILD_CONFIG = f"{_OID}18"


def verify_provenance(file: WheelFile, provenance: bytes) -> tuple[Identity, ...]:
    """Who published `file`, one identity for each publisher; all must hold.

    Raises:
        IdentityError: `identity-malformed`, `identity-unsupported` if the extra
            ``attestations`` is not installed, or `identity-invalid`.
    """
    where = f"the provenance of {file.filename}"
    bundles = _bundles(provenance, where)
    identities: dict[Identity, None] = {}
    for bundle in bundles:
        for attestation in bundle.attestations:
            _verify(attestation, bundle, file, where)
            identities[_identity(attestation, bundle)] = None
    return tuple(identities)


def _bundles(provenance: bytes, where: str) -> list[AttestationBundle]:
    if len(provenance) > PROVENANCE_LIMIT_BYTES:
        message = f"it is larger than {PROVENANCE_LIMIT_BYTES} bytes"
        raise IdentityError("identity-malformed", message, where=where)
    try:
        from pydantic import ValidationError
        from pypi_attestations import Provenance
    except ImportError as error:
        message = f"it cannot be verified: {error}"
        raise IdentityError("identity-unsupported", message, where=where) from None
    try:
        bundles = Provenance.model_validate_json(provenance).attestation_bundles
    except (ValidationError, ValueError, RecursionError) as error:
        first = str(error).splitlines()[0][:200]
        message = f"it is no provenance as PEP 740 describes it: {first}"
        raise IdentityError("identity-malformed", message, where=where) from None
    count = sum(len(bundle.attestations) for bundle in bundles)
    if not bundles or not all(bundle.attestations for bundle in bundles):
        raise IdentityError("identity-malformed", "it attests nothing", where=where)
    if count > _ATTESTATIONS_LIMIT:
        message = f"it has more than {_ATTESTATIONS_LIMIT} attestations"
        raise IdentityError("identity-malformed", message, where=where)
    return bundles


def _verify(
    attestation: Attestation, bundle: AttestationBundle, file: WheelFile, where: str
) -> None:
    from pypi_attestations import AttestationError, Distribution

    try:
        # Refuses a name that is no distribution's, before anything else.
        distribution = Distribution(name=file.filename, digest=file.sha256)
        with _quiet():
            attestation.verify(bundle.publisher, distribution, offline=True)
    except AttestationError as error:
        message = f"an attestation does not hold: {error}"
        raise IdentityError("identity-invalid", message, where=where) from error
    except Exception as error:
        # Certificates, log entries and proofs are a stranger's bytes: libraries
        # below raise what they like about them.
        message = f"an attestation cannot be verified ({type(error).__name__}: {error})"
        raise IdentityError("identity-invalid", message, where=where) from error


@contextmanager
def _quiet() -> Generator[None]:
    """Without the line that says on each call that nothing is refreshed."""
    logger = logging.getLogger("sigstore")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _identity(attestation: Attestation, bundle: AttestationBundle) -> Identity:
    """The identity of a verified attestation, from its certificate's claims."""
    claims: Mapping[str, str] = attestation.certificate_claims
    publisher: Mapping[str, str | None] = bundle.publisher.model_dump()
    names = {
        "publisher": publisher.get("kind"),
        "repository": claims.get(_REPOSITORY_URI) or publisher.get("vcs_origin"),
        "owner": claims.get(_OWNER_URI),
        "account": publisher.get("email"),
    }
    subject = (
        claims.get(_REPOSITORY_ID)
        or publisher.get("email")
        or publisher.get("project_id")
        or claims.get(_REPOSITORY_URI)
    )
    # Below the repository, whose name may change, and without the revision.
    config = claims.get(_BUILD_CONFIG, "").partition("@")[0]
    config = config.removeprefix(claims.get(_REPOSITORY_URI, "")).lstrip("/")
    return Identity(
        "attestation",
        issuer=claims.get(_ISSUER, ""),
        subject=subject or "",
        owner=claims.get(_OWNER_ID, ""),
        pipeline=publisher.get("pipeline_definition_id") or config,
        names=tuple((key, value) for key, value in names.items() if value),
    )
