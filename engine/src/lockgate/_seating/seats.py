"""From what discovery found to what dispatch asks: one seat per usable plugin.

A plugin with a manifest sits behind a sealed worker; one of the trusted base, if
the shipped policy says so, in the host; one without a manifest behind a read-only
worker that nothing was granted to. Nothing of any of them is imported here.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate._call.past import PastCalls
from lockgate._codec.convert import to_data
from lockgate._data.folder import DataFolder, data_place
from lockgate._inhost.seat import InHostPlugin
from lockgate._manifest.value import HookImpl
from lockgate._plugin_settings.whole import checked_config, withhold
from lockgate._record.audit import AuditRecord, Observer
from lockgate._record.lifecycle import History
from lockgate._record.meter import Meter
from lockgate._record.quarantine import QuarantineFolder
from lockgate._rights.claims import claims_folder
from lockgate._rights.file import GrantsFile
from lockgate._rights.places import below, write_folders
from lockgate._rights.policy import Plan, build_plan, read_only_plan
from lockgate._rights.services import secret_value, settings_secret
from lockgate._sealed.legacy import LegacyPlugin, legacy_hooks, legacy_target
from lockgate._sealed.running import Rights, Target
from lockgate._sealed.seat import SealedPlugin
from lockgate._sealed.succession import Succession
from lockgate._start.admission import Admission
from lockgate._start.supervision import Supervisor
from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.errors import GrantsError, PluginUnavailableError
from lockgate.grants import Consent, Grant, Identity, consent, rights_asked
from lockgate.kinds import AddedKind
from lockgate.kinds._specs import specs_with
from lockgate.manifest import Manifest
from lockgate.shipped import NOBODY, ShippedPolicy
from lockgate.values import Document
from lockgate_sandbox import Policy, Tier

if TYPE_CHECKING:
    from lockgate._call.face import Calls
    from lockgate_sandbox import Sandbox

__all__ = ["Seats", "identity_of"]

SERVE = "lockgate._guest.serve:serve"


def identity_of(state: PluginState) -> Identity:
    """What a plugin's grants are tied to, as of now.

    Raises:
        PluginUnavailableError: If its files can't be read.
    """
    return Identity(state.name, state.distribution, state.version, state.digest)


def _hashed(state: PluginState) -> list[str]:
    """The folders of whose sources grants are tied to the hash.

    None of a wheel, whose RECORD is hashed, nor of what the release gives its rights.
    """
    if state.recorded or state.first_party:
        return []
    return [state.manifest_path.rpartition("/")[0]]


@dataclass(frozen=True, slots=True)
class Seats:
    """Makes seats; holds what all of them need."""

    host: Calls
    config: Config
    shipped: ShippedPolicy
    observer: Observer
    sandbox: Callable[[], Sandbox]
    past: PastCalls = field(default_factory=PastCalls)
    added: dict[str, AddedKind] = field(default_factory=dict[str, AddedKind])
    """The kinds that plugins add, by each of their hooks."""

    def seat(
        self, state: PluginState, history: History, meter: Meter
    ) -> tuple[SealedPlugin | InHostPlugin, Iterable[HookImpl]]:
        """The seat of a usable plugin, and the hooks that it answers.

        `history` and `meter` are told of what becomes of its workers.
        """
        manifest = state.manifest
        if manifest is None:
            hooks = [HookImpl(name, "") for name in legacy_hooks(state)]
            return self._legacy(state, history, meter), hooks
        if self._in_host(state, manifest):
            return self._trusted(state, manifest, history), manifest.hooks
        return self._sealed(state, manifest, history, meter), manifest.hooks

    def _in_host(self, state: PluginState, manifest: Manifest) -> bool:
        party = self.shipped.party(state.name, state.distribution)
        if state.environment or party is None:
            return False  # what the host imports is the host's own installation
        return party.in_host and manifest.tier == "system"

    def _trusted(
        self, state: PluginState, manifest: Manifest, history: History
    ) -> InHostPlugin:
        return InHostPlugin(
            Identity(state.name, state.distribution, state.version, ""),
            host=self.host,
            data=self.data(state, Policy.for_tier(Tier.ADMIN)),
            path=state.path,
            hooks=_targets(manifest.answers),
            wrappers=_targets(manifest.wrappers),
            past=self.past,
            hears=self._historic(manifest),
            config=lambda: self._settings(state, manifest, secret_value),
            observer=self.observer,
            history=history,
            admission=self._admission(state, manifest),
        )

    def _sealed(
        self, state: PluginState, manifest: Manifest, history: History, meter: Meter
    ) -> SealedPlugin:
        def target(rights: Rights) -> Target:
            return Target(
                SERVE,
                {
                    "plugin": state.name,
                    "hooks": {**_targets(manifest.answers)},
                    "wrappers": {**_targets(manifest.wrappers)},
                    "config": self._settings(
                        state, manifest, self._secrets(state, rights)
                    ),
                    "tools": sorted(rights.plan.tools),
                    "added": [to_data(asdict(k)) for k in self._kinds(manifest)],
                    "sources": _hashed(state),
                },
            )

        workers = Succession(
            Identity(state.name, state.distribution, state.version, ""),
            rights=_CurrentRights(self, state, manifest).now,
            target=target,
            sandbox=self.sandbox,
            observer=self.observer,
            supervisor=self._supervisor(state, history, meter),
            admission=self._admission(state, manifest),
        )
        return SealedPlugin(
            workers, self.observer, past=self.past, hears=self._historic(manifest)
        )

    def _kinds(self, manifest: Manifest) -> list[AddedKind]:
        """The added kinds of the hooks that a plugin answers."""
        kinds = {k.name: k for i in manifest.hooks if (k := self.added.get(i.hook))}
        return list(kinds.values())

    def _historic(self, manifest: Manifest) -> frozenset[str]:
        """The historic hooks that the plugin answers."""
        known = specs_with(self._kinds(manifest))
        return frozenset(
            hook for hook in manifest.answers if hook in known and known[hook].historic
        )

    def _admission(self, state: PluginState, manifest: Manifest) -> Admission:
        return Admission(
            state, manifest, self.config.cache_dir, lambda: self._kinds(manifest)
        )

    def _legacy(
        self, state: PluginState, history: History, meter: Meter
    ) -> LegacyPlugin:
        nothing = Consent((), frozenset(), "none", "read-only")
        plan = read_only_plan(state, self.limits(state.name))

        def rights(stamp: object) -> Rights | None:
            return None if stamp else Rights("legacy", nothing, plan, _digest(state))

        workers = Succession(
            Identity(state.name, state.distribution, state.version, ""),
            rights=rights,
            target=lambda _: legacy_target(
                state,
                checked_config(state.name, self.config, {}, withhold),
                self.config.file_profile,
            ),
            sandbox=self.sandbox,
            observer=self.observer,
            supervisor=self._supervisor(state, history, meter),
        )
        return LegacyPlugin(workers, self.observer)

    def _supervisor(
        self, state: PluginState, history: History, meter: Meter
    ) -> Supervisor:
        return Supervisor(
            state.name,
            state.version,
            digest=lambda: state.digest,
            folder=QuarantineFolder(self.config.state_dir),
            history=history,
            meter=meter,
        )

    def limits(self, plugin: str) -> Mapping[str, float]:
        """The configuration's limits for a plugin: the smaller of each."""
        found = dict(self.config.limits)
        for name, value in self.config.plugin_limits.get(plugin, {}).items():
            found[name] = min(value, found.get(name, value))
        return found

    def data(self, state: PluginState, policy: Policy) -> DataFolder | None:
        """What a plugin keeps, within the limits of its worker's policy."""
        if policy.tier is Tier.READ_ONLY:
            return None
        return DataFolder(
            data_place(self.config.data_dir, state.name, state.distribution),
            bytes_limit=policy.limits.disk_bytes,
            inodes_limit=policy.limits.inodes,
        )

    def secret(self) -> tuple[str, ...]:
        """Lockgate's own state, settings and sockets: no grant ever opens them.

        Who can write the user's file can take the seal away at the next start; who can
        write the consent policy can have anything granted; who reaches a control socket
        can tell the host what to do.
        """
        config = self.config
        files = (
            config.grants_file,
            config.choices_file,
            os.environ.get("LOCKGATE_CONFIG", ""),
        )
        folders = [os.path.dirname(os.path.abspath(file)) for file in files if file]  # noqa: PTH100, PTH120
        own = (config.state_dir, config.cache_dir, config.data_dir)
        policy = (config.consent_policy,) if config.consent_policy else ()
        return (*folders, *own, config.runtime_folder, *policy)

    def _settings(
        self, state: PluginState, manifest: Manifest, secret: Callable[[str], str]
    ) -> Document:
        return checked_config(state.name, self.config, manifest.config_schema, secret)

    def _secrets(self, state: PluginState, rights: Rights) -> Callable[[str], str]:
        """What gives a worker's settings their secrets, and writes it down."""
        who = Identity(state.name, state.distribution, state.version, rights.digest)
        value_of = settings_secret(who, rights.consent, rights.plan.policy)

        def handed(name: str) -> str:
            value, right = value_of(name), f"secret:{name}"
            self.observer.audit(
                AuditRecord(
                    "broker",
                    state.name,
                    state.version,
                    allowed=True,
                    right=right,
                    detail="handed over in its settings",
                )
            )
            return value

        return handed


def _targets(impls: Mapping[str, HookImpl]) -> dict[str, str]:
    return {hook: impl.target for hook, impl in impls.items()}


def _digest(state: PluginState) -> str:
    """For those without rights: what it is about, and no matter if it can't be read."""
    try:
        return state.digest
    except PluginUnavailableError:
        return ""


class _CurrentRights:
    """A plugin's rights as of now; worked out again when the grants change."""

    def __init__(self, seats: Seats, state: PluginState, manifest: Manifest) -> None:
        self._seats = seats
        self._state = state
        self._manifest = manifest
        self._file = GrantsFile(Path(seats.config.grants_file))
        self._lock = threading.Lock()
        self._swappable: tuple[str, ...] = ()

    def now(self, stamp: object) -> Rights | None:
        """The rights, or None if `stamp` says that they are unchanged."""
        current = self._stamp()
        if stamp == current:
            return None
        with self._lock:
            identity = identity_of(self._state)
            grants = self._grants()
            given = self._consent(identity, grants.get(self._state.name))
            plan = self._plan(given, grants)
            current = self._stamp()
        claims = claims_folder(self._seats.config.runtime_folder)
        data = self._seats.data(self._state, plan.policy)
        return Rights(current, given, plan, identity.digest, claims, data)

    def _stamp(self) -> object:
        """The state of the grants file, and of what granted paths stand for.

        Only of paths that another plugin could have swapped since: mostly none.
        """
        stamp = self._file.stamp()
        if not self._swappable:
            return stamp
        return (stamp, tuple(os.path.realpath(path) for path in self._swappable))

    def _consent(self, identity: Identity, grant: Grant | None) -> Consent:
        return consent(
            identity,
            rights_asked(self._manifest),
            tier=self._manifest.tier,
            grant=grant,
            shipped=NOBODY if self._state.stored else self._seats.shipped,
        )

    def _grants(self) -> Mapping[str, Grant]:
        try:
            return self._file.read()
        except GrantsError:
            # Fail closed: nothing is granted from a file that can't be trusted.
            # `lockgate grants` and `lockgate doctor` show the error itself.
            return {}

    def _plan(self, given: Consent, grants: Mapping[str, Grant]) -> Plan:
        folders = [one for some in write_folders(grants).values() for one in some]
        rights = self._manifest.rights
        real = [os.path.realpath(folder) for folder in folders]
        paths = dict.fromkeys((*rights.read, *rights.write))
        self._swappable = tuple(
            path
            for path in paths
            if below(os.path.normpath(path), real)
            or below(os.path.realpath(path), real)
        )
        return build_plan(
            self._manifest,
            given,
            path=self._state.path,
            alone=bool(self._state.environment),
            limits=self._seats.limits(self._state.name),
            secret=self._seats.secret(),
            writable=folders,
        )
