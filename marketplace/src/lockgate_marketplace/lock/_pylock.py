"""The lock as ``pylock.toml`` (PEP 751), for installers that know nothing of rights.

Each plugin has an environment of its own, so two may hold different versions of one
distribution. A ``pylock.toml`` is of one environment: it is made of one plugin.
"""

from __future__ import annotations

import json

from packaging.pylock import Package, PackageWheel, Pylock
from packaging.utils import canonicalize_name
from packaging.version import Version

from lockgate_marketplace.identity import Identity
from lockgate_marketplace.lock._model import LockedPlugin, LockedWheel

__all__ = ["to_pylock"]


def to_pylock(entry: LockedPlugin) -> str:
    """The text of ``pylock.NAME.toml`` of one plugin's environment."""
    packages = sorted(entry.wheels, key=lambda wheel: wheel.name)
    document = Pylock(
        lock_version=Version("1.0"),
        created_by="lockgate",
        packages=[_package(wheel) for wheel in packages],
    ).to_dict()
    lines = [f"{key} = {json.dumps(document[key])}" for key in _HEAD]
    for package in document["packages"]:
        (wheel,) = package["wheels"]
        lines += [
            "",
            "[[packages]]",
            f"name = {json.dumps(package['name'])}",
            f"version = {json.dumps(package['version'])}",
            "",
            "[[packages.wheels]]",
            f"path = {json.dumps(wheel['path'])}",
            f"hashes = {{ sha256 = {json.dumps(wheel['hashes']['sha256'])} }}",
        ]
        for identity in package.get("attestation-identities", ()):
            lines += ["", "[[packages.attestation-identities]]"]
            lines += [f"{key} = {json.dumps(text)}" for key, text in identity.items()]
    return "\n".join(lines) + "\n"


_HEAD = ("lock-version", "created-by")


def _package(wheel: LockedWheel) -> Package:
    file = PackageWheel(path=wheel.filename, hashes={"sha256": wheel.sha256})
    publisher = _publisher(wheel.identity)
    return Package(
        name=canonicalize_name(wheel.name),
        version=Version(wheel.version),
        wheels=[file],
        attestation_identities=[publisher] if publisher else None,
    )


def _publisher(identity: Identity) -> dict[str, str]:
    """A publisher as PEP 740 writes it, of what is known; empty if there is none."""
    names = dict(identity.names)
    kind = names.get("publisher", "")
    if identity.kind != "attestation" or not kind:
        return {}
    repository, workflow = names.get("repository", ""), identity.pipeline
    if kind in ("GitHub", "GitLab"):
        repository = repository.split("://", 1)[-1].partition("/")[2]
    if kind == "GitHub":
        workflow = workflow.rpartition("/")[2]
    told = {
        "kind": kind,
        "repository": repository,
        _WORKFLOW.get(kind, "workflow"): workflow,
        "email": names.get("account", ""),
    }
    return {key: text for key, text in told.items() if text}


_WORKFLOW = {"GitLab": "workflow_filepath"}
