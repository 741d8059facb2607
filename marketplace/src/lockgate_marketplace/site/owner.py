"""The owner's word on projects: ``status.toml`` beside the wheels.

::

    [projects.lockgate-old]
    status = "deprecated"           # active, archived, deprecated, quarantined
    reason = "use lockgate-new"

    [projects.lockgate-old.yanked]
    "1.2" = "does not start on Python 3.13"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Annotated, Literal

from packaging.utils import canonicalize_name, canonicalize_version
from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.site.regular import open_regular

__all__ = ["STATUS_FILE", "Standing", "read_standings"]

STATUS_FILE = "status.toml"
_LIMIT_BYTES = 4 << 20

Reason = Annotated[str, StringConstraints(max_length=500)]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a project stands (PEP 792), and its yanked versions with their reasons."""

    status: str = "active"
    reason: str = ""
    yanked: Mapping[str, str] = field(default_factory=dict[str, str])

    def to_data(self) -> dict[str, object]:
        """The standing as plain data that JSON can hold."""
        return {
            "status": self.status,
            "reason": self.reason,
            "yanked": dict(sorted(self.yanked.items())),
        }

    def yank(self, version: Version) -> str | None:
        """Why `version` is yanked; None if it is not."""
        return self.yanked.get(canonicalize_version(version)) if self.yanked else None


class _Project(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    status: Literal["active", "archived", "deprecated", "quarantined"] = "active"
    reason: Reason = ""
    yanked: dict[str, Reason] = {}


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    projects: dict[str, _Project] = {}


def read_standings(path: Path) -> dict[str, Standing]:
    """The projects that the file at `path` names; no file names none.

    Raises:
        PublishError: If it is not what it must be (`index-status-invalid`).
    """
    try:
        with BufferedReader(open_regular(path)) as file:
            raw = file.read(_LIMIT_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _invalid(path, str(error)) from error
    if len(raw) > _LIMIT_BYTES:
        raise _invalid(path, f"it is larger than {_LIMIT_BYTES >> 20} MiB")
    try:
        model = _File.model_validate(tomllib.loads(raw.decode("utf-8")))
        return {
            canonicalize_name(name): Standing(one.status, one.reason, _yanked(one))
            for name, one in model.projects.items()
        }
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _invalid(path, f"{place}: {first['msg']}") from None
    except (InvalidVersion, ValueError, RecursionError) as error:
        raise _invalid(path, str(error)) from error


def _yanked(project: _Project) -> dict[str, str]:
    """Reasons by the version as it is compared: ``1.0.0`` is ``1``, too."""
    return {
        canonicalize_version(Version(version)): why
        for version, why in project.yanked.items()
    }


def _invalid(path: Path, why: str) -> PublishError:
    message = f"the owner's word on projects can't be read: {why}"
    return PublishError("index-status-invalid", message, where=str(path))
