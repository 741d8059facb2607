"""METADATA and manifest of a wheel that is not downloaded yet."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any, cast

from lockgate_marketplace.errors import FetchError, PageError
from lockgate_marketplace.fetch import Fetcher, Wanted
from lockgate_marketplace.simple import IndexFile, PageLimits, load_json
from lockgate_marketplace.sources import Index
from lockgate_marketplace.wheel import open_wheel

__all__ = ["fetch_manifest", "fetch_metadata", "forget_metadata"]

_MOST_BYTES = 2 << 20
_MANIFEST_LIMITS = PageLimits(depth=24)


def fetch_metadata(fetcher: Fetcher, index: Index, file: IndexFile) -> bytes:
    """From the sidecar, or by range requests, or out of the wheel itself.

    What was read once is kept under a hash, and not asked for again.

    Raises:
        PageError: If it is not what the page describes, or can't be read.
        FetchError: If it can't be had.
        WheelError: If the whole wheel had to be fetched, and is refused.
    """
    digest = file.metadata_sha256 or ""
    key = _key(index, file)
    kept = fetcher.remembered(key) if digest or file.sha256 else None
    if kept is not None and digest in ("", hashlib.sha256(kept).hexdigest()):
        return kept
    if file.metadata_sha256 is not None:
        content = fetcher.sidecar(index, f"{file.url}.metadata")
        _check(content, digest, "page-metadata-hash", f"{file.filename}.metadata")
    else:
        content = _from_wheel(fetcher, index, file)
    if digest or file.sha256:
        fetcher.remember(key, content)
    return content


def forget_metadata(fetcher: Fetcher, index: Index, file: IndexFile) -> None:
    """Ask for METADATA anew the next time: it was not the wheel's."""
    fetcher.forget(_key(index, file))


def _key(index: Index, file: IndexFile) -> str:
    # What nothing was checked by is one index's word, and no other's.
    digest = file.metadata_sha256 or f"{index.name} {index.url} {file.sha256}"
    return f"metadata {digest}"


def fetch_manifest(
    fetcher: Fetcher, index: Index, file: IndexFile
) -> dict[str, object] | None:
    """The ``manifest`` of the sidecar; None if the page names none.

    Raises:
        PageError: If it is not what the page describes.
        FetchError: If it can't be had.
    """
    if not file.manifest_url or not file.manifest_sha256:
        return None
    key = f"manifest {file.manifest_sha256}"
    raw = fetcher.remembered(key)
    if raw is None:
        raw = fetcher.sidecar(index, file.manifest_url)
        where = f"{file.filename}.lockgate.json"
        _check(raw, file.manifest_sha256, "page-metadata-hash", where)
        fetcher.remember(key, raw)
    data = load_json(raw, _MANIFEST_LIMITS, f"{file.filename}.lockgate.json")
    manifest: Any = data.get("manifest")
    return cast("dict[str, object]", manifest) if isinstance(manifest, dict) else None


def _check(content: bytes, digest: str, code: str, where: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if digest and found != digest:
        message = f"its SHA-256 is {found}, the page says {digest}"
        raise PageError(code, message, where=where)


def _from_wheel(fetcher: Fetcher, index: Index, file: IndexFile) -> bytes:
    try:
        remote = fetcher.remote(index, file.url)
    except FetchError as error:
        if error.code != "fetch-range":
            raise
        return _from_download(fetcher, index, file)
    try:
        with zipfile.ZipFile(cast("Any", remote)) as archive:
            (found,) = (
                entry
                for entry in archive.infolist()
                if entry.filename.count("/") == 1
                and entry.filename.endswith(".dist-info/METADATA")
            )
            # Of the others `zipfile` unpacks all that it has read, whatever is asked.
            if found.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise zipfile.BadZipFile("it is packed as no wheel is")
            with archive.open(found) as member:
                content = member.read(_MOST_BYTES + 1)
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        EOFError,
        NotImplementedError,
        RuntimeError,  # encrypted
        OSError,
    ) as error:
        message = f"METADATA cannot be read in place: {error}"
        raise PageError("page-metadata", message, where=file.filename) from None
    if len(content) > _MOST_BYTES:
        message = f"METADATA has more than {_MOST_BYTES:,} bytes"
        raise PageError("page-metadata", message, where=file.filename)
    return content


def _from_download(fetcher: Fetcher, index: Index, file: IndexFile) -> bytes:
    """The server gives no ranges: the wheel, judged as a wheel is."""
    with tempfile.TemporaryDirectory(prefix="lockgate-") as folder:
        to = Path(folder, file.filename)
        fetcher.download(Wanted(index, file.url, to, file.sha256, file.size))
        return open_wheel(to, expect=file.wheel).metadata
