"""The lock as ``pylock.toml`` (PEP 751), for installers that know nothing of rights.

Each plugin has an environment of its own, so two may hold different versions of one
distribution. A ``pylock.toml`` is of one environment: it is made of one plugin.
"""

from __future__ import annotations

import json

from packaging.pylock import Package, PackageWheel, Pylock
from packaging.utils import canonicalize_name
from packaging.version import Version

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
    return "\n".join(lines) + "\n"


_HEAD = ("lock-version", "created-by")


def _package(wheel: LockedWheel) -> Package:
    file = PackageWheel(path=wheel.filename, hashes={"sha256": wheel.sha256})
    return Package(
        name=canonicalize_name(wheel.name),
        version=Version(wheel.version),
        wheels=[file],
    )
