"""Real attestations: those that the sdist of pypi-attestations brings for its tests.

They are nobody's to copy into this repository, so whoever wants these tests to run
fetches that sdist (``.ci/run`` does): ``pip download --no-deps --no-binary :all:
-d .attestations pypi_attestations``.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["FOLDER", "REASON", "Attested", "attested", "present"]

FOLDER = Path(__file__).parents[2] / ".attestations"
REASON = "the sdist with real attestations is not here (.ci/run fetches it)"


@dataclass(frozen=True, slots=True)
class Attested:
    """A file that was really published, and its provenance."""

    filename: str
    content: bytes
    provenance: bytes

    @property
    def sha256(self) -> str:
        """Of the content, in hex."""
        return hashlib.sha256(self.content).hexdigest()


def present() -> bool:
    """Whether there are any."""
    return next(FOLDER.glob("pypi_attestations-*.tar.gz"), None) is not None


@cache
def attested() -> Mapping[str, Attested]:
    """Each file with a provenance, by the kind of its publisher."""
    files: dict[str, bytes] = {}
    for path in FOLDER.glob("pypi_attestations-*.tar.gz"):
        with tarfile.open(path) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                if content is not None and "/test/assets/" in member.name:
                    files[member.name.rpartition("/")[2]] = content.read()
    kinds = {"circleci": "CircleCI", "gcb_": "Google", "pypi_attestations": "GitHub"}
    return {
        kind: Attested(name, files[name], files[f"{name}.provenance"])
        for prefix, kind in kinds.items()
        for name in files
        if name.startswith(prefix) and f"{name}.provenance" in files
    }
