"""What an index gives beside a wheel to prove who made it."""

from __future__ import annotations

import hashlib

from lockgate_marketplace.errors import FetchError, PageError
from lockgate_marketplace.identity import Evidence
from lockgate_marketplace.resolve import IndexClient
from lockgate_marketplace.simple import IndexFile
from lockgate_marketplace.sources import Index

__all__ = ["evidence_at"]


def evidence_at(client: IndexClient, index: Index, file: IndexFile) -> Evidence:
    """All that the page of the index names. What it names has to be there.

    Raises:
        FetchError: If it can't be had.
        PageError: ``page-metadata-hash`` if a signature is not the one it names.
    """
    provenance = signature = b""
    if file.provenance_url:
        provenance = _named(client, index, file, file.provenance_url)
    if file.signature_url:
        signature = _named(client, index, file, file.signature_url)
        found = hashlib.sha256(signature).hexdigest()
        if file.signature_sha256 not in ("", found):
            message = f"its SHA-256 is {found}, the page says {file.signature_sha256}"
            where = f"{file.filename}.signature"
            raise PageError("page-metadata-hash", message, where=where)
    return Evidence(provenance, signature)


def _named(client: IndexClient, index: Index, file: IndexFile, url: str) -> bytes:
    try:
        content = client.fetcher.sidecar(index, url)
    except FetchError as error:
        if error.code != "fetch-missing":
            raise
        content = b""
    if not content:  # nothing is no proof, and not the word that there is none
        message = (
            f"the index {index.name} names a proof of who made {file.filename}, and "
            "does not have it"
        )
        hint = "Do not install the file without it; tell whoever runs the index."
        raise FetchError("fetch-missing", message, where=url, hint=hint)
    return content
