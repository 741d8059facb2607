"""Loading a plugin once in a sealed worker, without a right, to learn whether it loads.

::

    for finding in dry_load(manifest, folders=["/…/site"], config=config):
        print(finding.kind, finding.where, finding.message)

Whoever installs asks this before anything is kept. Each module that the manifest names
is imported at tier ``read-only``; if that fails, and the manifest asks for ``basic`` or
more, once more at ``basic``, which nobody has to grant. What comes of it are the
worker's words, but for how it ended: a report, and no proof of good conduct. What a
plugin tried and hid is not seen; that it came to nothing is the kernel's doing.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from lockgate._codec.convert import to_data
from lockgate._guest.serve import LOAD
from lockgate._rights.environment import own_folders, runtime_package
from lockgate._start.load_findings import LoadFinding, LoadKind, Teller
from lockgate.errors import SandboxUnavailableError
from lockgate.kinds._specs import specs_with
from lockgate_sandbox import LimitError, Limits, Policy, RemoteError, SandboxError, Tier

if TYPE_CHECKING:
    from lockgate.config import Config
    from lockgate.kinds import AddedKind
    from lockgate.manifest import Manifest
    from lockgate_sandbox import Sandbox, Worker

__all__ = ["CPU_SECONDS", "WALL_SECONDS", "LoadFinding", "LoadKind", "dry_load"]

CPU_SECONDS = 30.0
WALL_SECONDS = 60.0
"""For all of its modules together, whatever the manifest asks for."""

_SERVE = "lockgate._guest.serve:serve"


def dry_load(
    manifest: Manifest,
    *,
    folders: Sequence[str],
    config: Config,
    added: Collection[AddedKind] = (),
) -> tuple[LoadFinding, ...]:
    """What does not load of the plugin that is imported from `folders`, and no others.

    `config` has the owner's limits (they can only tighten) and how firm the sandbox
    is; `added` are the kinds that there are besides the built-in ones and its own.

    Raises:
        SandboxUnavailableError: If no worker can be sealed here. Nothing was run.
    """
    from lockgate._sealed.open_sandbox import open_sandbox

    load = _Load(manifest, own_folders(folders), [*added, *manifest.added_kinds])
    findings: tuple[LoadFinding, ...] = ()
    with open_sandbox(config) as sandbox:
        for tier in (Tier.READ_ONLY, Tier.BASIC):
            if tier <= Tier(manifest.tier):
                findings = load.under(_policy(tier, manifest, config), sandbox)
            if not findings:
                break
    return findings


def _policy(tier: Tier, manifest: Manifest, config: Config) -> Policy:
    """No right, and at most the limits of the tier that the plugin asks for.

    A large library is no attack; what is written is `tier`'s to limit.
    """
    most = Limits.for_tier(manifest.tier).tightened(manifest.limits)
    for owners in (config.limits, config.plugin_limits.get(manifest.name, {})):
        most = most.tightened(owners)
    most = most.tightened({"cpu_seconds": CPU_SECONDS, "wall_seconds": WALL_SECONDS})
    free = Limits.for_tier(tier)
    written = {
        name: min(getattr(most, name), getattr(free, name))
        for name in ("file_bytes", "disk_bytes", "inodes")
    }
    return Policy.for_tier(tier, limits=replace(most, **written))


@dataclass(frozen=True, slots=True)
class _Load:
    """One plugin, to be loaded under one policy or another."""

    manifest: Manifest
    folders: tuple[str, ...]
    kinds: Sequence[AddedKind]

    def under(self, policy: Policy, sandbox: Sandbox) -> tuple[LoadFinding, ...]:
        """Load every module in one worker; one that ends it is the last."""
        teller, targets = Teller(self.manifest, self.folders), self._targets()
        try:
            worker = self._worker(policy, sandbox)
        except LimitError as error:
            return (teller.of(error, self.manifest.name),)
        except SandboxError as error:
            raise SandboxUnavailableError(
                str(error), cause=error.code, hint=error.hint
            ) from error
        found: dict[LoadFinding, None] = {}
        ends = time.monotonic() + policy.limits.wall_seconds
        with worker:
            for hook, target in targets.items():
                left = max(ends - time.monotonic(), 0.01)
                try:
                    worker.call(LOAD, {"only": hook}, timeout=left)
                except SandboxError as error:
                    found[teller.of(error, target)] = None
                    if not isinstance(error, RemoteError):
                        break
        return tuple(found)

    def _worker(self, policy: Policy, sandbox: Sandbox) -> Worker:
        """A worker that has imported nothing of the plugin, and has no broker.

        Raises:
            SandboxError: If it can't be started.
        """
        known = self._targets()

        def named(impls: Mapping[str, Any]) -> dict[str, str]:
            return {hook: i.target for hook, i in impls.items() if hook in known}

        kinds = {kind.name: kind for kind in self.kinds}.values()
        arguments = {
            "plugin": self.manifest.name,
            "hooks": named(self.manifest.answers),
            "wrappers": named(self.manifest.wrappers),
            "config": {},
            "tools": [],
            "added": [to_data(asdict(kind)) for kind in kinds],
        }
        return sandbox.worker(
            policy,
            target=_SERVE,
            path=self.folders,
            packages=runtime_package(),
            arguments=cast("Mapping[str, Any]", arguments),
            name=self.manifest.name,
        )

    def _targets(self) -> dict[str, str]:
        """The impls of the hooks that there are, by hook."""
        known = specs_with(self.kinds)
        return {i.hook: i.target for i in self.manifest.hooks if i.hook in known}
