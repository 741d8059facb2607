"""Is this wheel fit to go out? The same gate, and the same reading of its rights."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from io import BufferedReader
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockgate.manifest import Manifest, parse_manifest
from lockgate.values import Finding
from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.identity import WheelFile, sign
from lockgate_marketplace.levels import Levels
from lockgate_marketplace.scan import check_verdict, scan
from lockgate_marketplace.site.beside import SIDECAR_LIMIT_BYTES, check_provenance
from lockgate_marketplace.site.intake import ANY_MACHINE
from lockgate_marketplace.site.regular import open_regular
from lockgate_marketplace.site.release import PROVENANCE_SUFFIX, Verdict, moment
from lockgate_marketplace.wheel import Wheel, open_wheel

__all__ = ["Ready", "prepare", "signed", "verdict_of", "wheels_of"]


@dataclass(frozen=True, slots=True)
class Ready:
    """A wheel that may go out, with what goes with it.

    `data` is the file; `notes` are findings that stop nothing; `provenance` is PEP
    740's object and `signature` the envelope of a publisher's key, or None.
    """

    wheel: Wheel
    data: bytes
    manifest: Manifest | None
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]
    provenance: bytes | None
    signature: bytes | None = None

    def encoded_verdicts(self) -> bytes:
        """The verdicts as the file that lies beside a wheel."""
        return json.dumps([asdict(one) for one in self.verdicts], indent=1).encode()


def wheels_of(paths: Iterable[Path]) -> list[Path]:
    """The wheels that `paths` name: files, and those right inside folders.

    Raises:
        PublishError: If there are none (`publish-nothing`).
    """
    found = [
        wheel
        for path in paths
        for wheel in (sorted(path.glob("*.whl")) if path.is_dir() else [path])
    ]
    if not found:
        raise PublishError("publish-nothing", "there is no wheel to publish")
    return found


def prepare(path: Path, levels: Levels | None = None) -> Ready:
    """Judge the wheel at `path`; `levels` say how firmly, as for an installation.

    Raises:
        WheelError: If the gate refuses it.
        ManifestError: If its manifest is wrong.
        ScanError: If some of its source can't be read.
        PublishError: If its code uses a right that its manifest does not ask for
            (`publish-rights`), the file changes under us (`publish-changed`), or what
            lies beside it is wrong (`index-sidecar-invalid`).
    """
    wheel = open_wheel(path, around=ANY_MACHINE)
    data = _judged_bytes(path, wheel)
    provenance = _provenance(path, wheel)
    if wheel.manifest is None:
        return Ready(wheel, data, None, (), (), provenance)
    manifest = parse_manifest(
        wheel.manifest, file=f"{wheel.filename}/lockgate.toml", distribution=wheel.name
    )
    # What runs in the host has every right: lockgate's own, which only it installs.
    found = None if manifest.tier == "system" else scan(wheel, manifest)
    levels = levels or Levels()
    if found is not None and found.undeclared and levels.stops("undeclared"):
        raise _undeclared(wheel, found.undeclared)
    if found is not None:
        opaque = not levels.stops("opaque")
        check_verdict(found, wheel, undeclared=True, opaque=opaque)
    findings = (*found.undeclared, *found.opaque, *found.notes) if found else ()
    notes = tuple(one.message for one in findings)
    verdicts = (verdict_of("rights", notes),)
    return Ready(wheel, data, manifest, verdicts, notes, provenance)


def verdict_of(check: str, notes: Sequence[str]) -> Verdict:
    """What a check said just now: it passed, but for what is to be noted."""
    outcome, detail = ("noted", "; ".join(notes)[:500]) if notes else ("passed", "")
    return Verdict(check, outcome, moment(_now()), detail)


def signed(ready: Ready, key: Ed25519PrivateKey) -> Ready:
    """The same wheel with a signature of its publisher's key."""
    file = WheelFile(ready.wheel.filename, ready.wheel.sha256)
    return replace(ready, signature=sign(file, key))


def _judged_bytes(path: Path, wheel: Wheel) -> bytes:
    """The file once more, if it is still what was judged."""
    try:
        with open_regular(path) as file:
            data = file.readall()
    except OSError:
        data = b""
    if hashlib.sha256(data).hexdigest() != wheel.sha256:
        message = f"{path.name} changed while it was judged"
        raise PublishError("publish-changed", message, where=str(path))
    return data


def _now() -> int:
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    return int(given) if given.isascii() and given.isdigit() else int(time.time())


def _undeclared(wheel: Wheel, wrong: Sequence[Finding]) -> PublishError:
    first = wrong[0]
    return PublishError(
        "publish-rights",
        f"{wheel.filename}: {first.message}",
        where=first.path,
        hint=first.hint,
        findings=[f"{one.path}: {one.message}" for one in wrong],
    )


def _provenance(path: Path, wheel: Wheel) -> bytes | None:
    beside = path.with_name(path.name + PROVENANCE_SUFFIX)
    try:
        with BufferedReader(open_regular(beside)) as file:
            raw = file.read(SIDECAR_LIMIT_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"{beside.name} can't be read: {error.strerror}"
        raise PublishError(
            "index-sidecar-invalid", message, where=str(beside)
        ) from None
    check_provenance(raw, filename=wheel.filename, sha256=wheel.sha256)
    return raw
