"""`PluginState`: one candidate that discovery found, good or broken, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from lockgate.manifest import Manifest

__all__ = ["PluginState", "StateName"]

StateName: TypeAlias = Literal[
    "ok",
    "legacy",
    "foreign",
    "disabled",
    "pinned",
    "quarantined",
    "broken",
    "shadowed",
    "duplicate",
    "incompatible",
    "conflict",
    "missing-requirement",
]
"""
``ok``                   has a manifest, can be called
``legacy``               no manifest: a classic entry point or a single file
``foreign``              another ecosystem's plugin, driven by an adapter
``disabled``             switched off by its owner, for good or for this run
``pinned``               its owner wants another version of it
``quarantined``          its workers died too often; see `lockgate._record.quarantine`
``broken``               something of it is wrong; `PluginState.reason` says what
``shadowed``             an earlier folder of the search path has the distribution
``duplicate``            another distribution claims its name; neither is used
``incompatible``         asks for another version of the hook API
``conflict``             excludes a plugin that is there, or wants its command noun
``missing-requirement``  needs a plugin that is not there, or not usable
"""


@dataclass(frozen=True, slots=True)
class PluginState:
    """One candidate, as discovery found it; nothing of it was imported.

    `location` is its ``.dist-info`` folder (or single file), `path` the folders
    that its packages are imported from. `entries` are the (group, value) pairs
    of a plugin without manifest; of a foreign one the value is ``name=value``.
    """

    name: str
    version: str = ""
    distribution: str = ""
    location: str = ""
    manifest_path: str = ""
    kinds: tuple[str, ...] = ()
    tier: str = "read-only"
    state: StateName = "ok"
    reason: str = ""
    hint: str = ""
    path: tuple[str, ...] = ()
    editable: bool = False
    essential: bool = False
    summary: str = ""
    noun: str = ""
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    entries: tuple[tuple[str, str], ...] = ()
    driver: str = ""
    """What drives a foreign plugin in its worker: its adapter's ``module:function``."""
    package: str = ""
    """The top-level package that holds the manifest."""
    environment: tuple[str, ...] = ()
    """The import folders that it has to itself; empty if it shares the host's."""
    stored: bool = False
    """Whether it was installed into the store."""
    since: int = 0
    """The generation of the store that its distribution is there since."""
    recorded: bool = False
    """Whether a RECORD vouches for its files: an installed wheel."""
    manifest_text: str = field(default="", repr=False)
    """The checked manifest as JSON, decoded when `manifest` is asked for."""

    @property
    def usable(self) -> bool:
        """Whether the plugin can be called."""
        return self.state in ("ok", "legacy", "foreign")

    @property
    def single_file(self) -> bool:
        """Whether it is a file of a plugin folder, which any checkout can bring."""
        return any(group == "file" for group, _ in self.entries)

    @property
    def first_party(self) -> bool:
        """Whether the shipped policy names it, and it is the host's own installation.

        A wheel in the store may have any distribution's name: it is a stranger's.
        """
        from lockgate.shipped import shipped_policy

        party = shipped_policy().party(self.name, self.distribution)
        return party is not None and not self.stored

    @property
    def manifest(self) -> Manifest | None:
        """The plugin's manifest; None if it has none or it is broken."""
        if not self.manifest_text:
            return None
        return _decoded(self.manifest_text)

    @property
    def digest(self) -> str:
        """What grants are tied to, as hexadecimal SHA-256.

        For a wheel the hash of its RECORD, which holds the hash of each file.
        For an editable install, a single file, or an install without RECORD the
        hash of the package's own files, computed at each call: a changed file
        is another plugin.

        Raises:
            PluginUnavailableError: If the files cannot be read.
        """
        from lockgate.discovery._digest import digest_of

        return digest_of(self)

    def with_state(self, state: StateName, reason: str, hint: str = "") -> PluginState:
        """This candidate in another state."""
        return replace(self, state=state, reason=reason, hint=hint)

    def to_dict(self) -> dict[str, Any]:
        """The candidate as ``--json`` prints it."""
        return {
            "name": self.name,
            "version": self.version,
            "distribution": self.distribution,
            "state": self.state,
            "reason": self.reason,
            "hint": self.hint,
            "kinds": list(self.kinds),
            "tier": self.tier,
            "summary": self.summary,
            "location": self.location,
            "manifest": self.manifest_path,
            "editable": self.editable,
            "environment": list(self.environment),
            "stored": self.stored,
            "noun": self.noun,
        }


@lru_cache(maxsize=256)
def _decoded(text: str) -> Manifest:
    import json

    from lockgate.manifest import Manifest

    return Manifest.from_data(json.loads(text))
