"""The checks of ``lockgate doctor``: each looks at one thing and says what it saw.

None runs plugin code. A check that itself fails is a problem, not an end.
"""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lockgate.discovery import Discovery, index_files
from lockgate.errors import LockgateError

if TYPE_CHECKING:
    from lockgate.config import Config
    from lockgate.discovery import PluginState
    from lockgate.manifest import Manifest
    from lockgate_sandbox import Posture

__all__ = ["Check", "checks", "device_checks"]

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Check:
    """One result. `mend`, if there is one, makes it right and is safe to run."""

    name: str
    state: State
    message: str
    hint: str = ""
    mend: Callable[[], None] | None = None

    def to_dict(self) -> dict[str, object]:
        """The result as ``--json`` prints it."""
        data = {k: v for k, v in asdict(self).items() if k != "mend"}
        return {**data, "fixable": self.mend is not None}


def checks(
    config: Config, wrong: Exception | None, find: Callable[[], Discovery]
) -> Iterator[Check]:
    """Every check, one after the other; `find` is called after the index's own."""
    yield _python()
    yield _settings(wrong)
    yield from _guarded("sandbox", lambda: list(_sandbox(config)))
    yield from _guarded("index", lambda: list(_index(config)))
    yield from _guarded("grants", lambda: list(_grants(config)))
    yield from _guarded("store", lambda: list(_store(config)))
    found = find()
    if found.index != "off" and found.index_note.startswith("cannot be written"):
        hint = "Every command looks through all distributions anew."
        yield Check("index", "warning", f"the index {found.index_note}", hint)
    yield from _plugins(found)
    yield from _guarded("bridges", lambda: list(_bridges(config, found)))
    yield from _guarded("hooks", lambda: list(_hooks(config, found)))
    yield from _guarded("programs", lambda: list(_programs(found)))
    yield from _guarded("devices", lambda: list(device_checks(config, found)))


def _guarded(name: str, check: Callable[[], Sequence[Check]]) -> Sequence[Check]:
    try:
        return check()
    except Exception as error:  # a doctor does not die of what it finds
        hint = str(getattr(error, "hint", ""))
        return [Check(name, "problem", f"{type(error).__name__}: {error}", hint)]


def _python() -> Check:
    told = f"{platform.python_implementation()} {platform.python_version()}"
    if sys.version_info < (3, 11):  # noqa: UP036 - the reader may run it anyhow
        return Check("python", "problem", told, "3.11 or later is needed.")
    return Check("python", "ok", told)


def _settings(wrong: Exception | None) -> Check:
    if wrong is None:
        return Check("settings", "ok", "the settings are valid")
    hint = wrong.hint if isinstance(wrong, LockgateError) else ""
    return Check("settings", "problem", str(wrong), hint)


def _sandbox(config: Config) -> Iterator[Check]:
    """The posture of each tier, seen in a worker that is really started."""
    from lockgate._sealed.open_sandbox import open_sandbox
    from lockgate_sandbox.doctor import examine_tiers

    with open_sandbox(config) as sandbox:
        for state in examine_tiers(sandbox, programs=False):
            name = f"sandbox {state.name}"
            if state.posture is not None:
                yield _posture(name, state.posture)
            elif state.error is not None:
                yield Check(name, "problem", str(state.error), state.error.hint)


def _posture(name: str, posture: Posture) -> Check:
    active = [layer.name for layer in posture.layers if layer.state == "active"]
    weak = [
        layer
        for layer in posture.layers
        if layer.state in ("degraded", "missing", "off")
    ]
    if not weak:
        return Check(name, "ok", f"every layer is active: {', '.join(active)}")
    told = "; ".join(f"{w.name} is {w.state} ({w.detail})" for w in weak)
    remedies = dict.fromkeys(layer.remedy for layer in weak if layer.remedy)
    return Check(name, "warning", told, "; ".join(remedies))


def _index(config: Config) -> Iterator[Check]:
    folder = Path(config.cache_dir)
    if folder.is_dir() and folder.stat().st_mode & 0o022:
        yield Check(
            "index",
            "problem",
            f"{folder} can be written by others",
            "`lockgate doctor --fix` takes that right away.",
            lambda: folder.chmod(0o700),
        )
    bad = {path: why for path, why in index_files(config.cache_dir).items() if why}
    for path, why in bad.items():
        yield Check(
            "index",
            "warning",
            f"{path} {why}; it is not used",
            "`lockgate doctor --fix` removes it.",
            partial(Path(path).unlink, missing_ok=True),
        )
    if not bad:
        yield Check("index", "ok", f"the discovery index in {folder} is sound")


def _grants(config: Config) -> Iterator[Check]:
    path = Path(config.grants_file)
    if not path.exists():
        yield Check("grants", "ok", f"nothing is granted: there is no {path}")
        return
    status = path.stat()
    if status.st_uid != os.geteuid():
        yield Check(
            "grants",
            "problem",
            f"{path} belongs to another user",
            "Its grants are not used. Make it yours or remove it.",
        )
    elif stat.S_IMODE(status.st_mode) & 0o022:
        yield Check(
            "grants",
            "problem",
            f"{path} can be written by others",
            "Look through it (`lockgate grants show`); --fix takes that right away.",
            lambda: path.chmod(0o600),
        )
    else:
        from lockgate._rights.file import GrantsFile
        from lockgate.quantities import counted

        count = counted(len(GrantsFile(path).read()), "plugin")
        yield Check("grants", "ok", f"{path} holds grants for {count}")


def _store(config: Config) -> Iterator[Check]:
    from lockgate.installed import StoreFolder
    from lockgate.owned import foreign_writer

    store = StoreFolder(config.data_dir)
    if not store.exists:
        yield Check("store", "ok", f"nothing was installed: there is no {store.root}")
        return
    root = Path(store.root)
    other = foreign_writer(root)
    if other is not None:
        mine = root.stat().st_uid == os.geteuid() and not foreign_writer(root.parent)
        yield Check(
            "store",
            "problem",
            f"{other}: nothing of the store is used",
            f"Look through it, then: {other.hint}",
            (lambda: root.chmod(0o755)) if mine else None,
        )
        return
    now = store.read()
    kept = len(store.numbers())
    gone = [
        (entry, folder)
        for entry in now.entries
        for folder in entry.folders(store.root)
        if not Path(folder).is_dir()
    ]
    for entry, folder in gone:
        told = f"{entry.distribution} {entry.version} imports from {folder}"
        hint = (
            "`lockgate verify` looks at every file; "
            f"`lockgate install {entry.distribution}=={entry.version}` brings it back."
        )
        yield Check("store", "problem", f"{told}, which is not there", hint)
    if not gone:
        said = f"generation {now.number} in force, {kept} kept, in {root}"
        yield Check("store", "ok", f"{said}: {len(now.entries)} installed")


def _plugins(found: Discovery) -> Iterator[Check]:
    from lockgate._seating.registry import kinds_added
    from lockgate.discovery._hook_versions import deprecations

    kinds = kinds_added(found.plugins).values()
    faulty: set[str] = set()
    for plugin in found.plugins:
        if plugin.state not in ("ok", "legacy", "foreign", "disabled", "shadowed"):
            yield Check(
                f"plugin {plugin.name}",
                "problem",
                f"{plugin.state}: {plugin.reason}",
                plugin.hint,
            )
        elif plugin.state == "shadowed":
            yield Check(f"plugin {plugin.name}", "warning", plugin.reason, plugin.hint)
        elif (manifest := plugin.manifest) is not None and plugin.state == "ok":
            from lockgate.contract import check_impls

            for problem in check_impls(
                manifest,
                distribution=plugin.distribution,
                roots=plugin.path,
                added=kinds,
            ):
                faulty.add(plugin.name)
                name = f"plugin {plugin.name}"
                yield Check(name, "problem", str(problem), problem.hint)
            for hook, life in deprecations(manifest, kinds):
                told = f"answers the hook {hook!r}, {life.advice}"
                hint = "Upgrade the plugin, or ask its author to."
                yield Check(f"plugin {plugin.name}", "warning", told, hint)
    usable = sum(p.usable and p.name not in faulty for p in found.plugins)
    yield Check("plugins", "ok", f"{usable} of {len(found.plugins)} can be used")


def _bridges(config: Config, found: Discovery) -> Iterator[Check]:
    """Plugins of other ecosystems that are here, and that nobody looks for."""
    from lockgate.discovery._foreign import unnamed
    from lockgate.quantities import counted

    there = unnamed(found.plugins, config.bridges, found.folders)
    for ecosystem, distributions in there.items():
        count = counted(len(distributions), "distribution")
        said = f"{count} with plugins of {ecosystem} could be used too, sealed"
        named = ",".join((*config.bridges, ecosystem))
        names = ", ".join(sorted(distributions)[:3])
        shown = f"{names}: lockgate --set bridges={named} list"
        yield Check("bridges", "ok", f"{said} ({shown})")


def _hooks(config: Config, found: Discovery) -> Iterator[Check]:
    from lockgate._seating.registry import stray_orders

    for error in stray_orders(config, found.plugins):
        yield Check("hooks", "warning", str(error), error.hint)


def _programs(found: Discovery) -> Iterator[Check]:
    missing: list[tuple[str, str]] = []
    for plugin in found.plugins:
        manifest = plugin.manifest if plugin.usable else None
        if manifest is not None:
            missing += _tools_missing(plugin.name, manifest)
            missing += _programs_missing(plugin, manifest)
    for said, hint in missing:
        yield Check("programs", "warning", said, hint)
    if not missing:
        yield Check("programs", "ok", "every program that a plugin asks for is there")


def _tools_missing(name: str, manifest: Manifest) -> Iterator[tuple[str, str]]:
    """The machine's programs that it asks for and are not there: what, and why."""
    for tool in manifest.rights.tools:
        if shutil.which(tool.name) is None:
            said = f"{name} may want {tool.name}, which is not on this machine"
            yield said, tool.reason and f"It {tool.reason}."


def _programs_missing(
    plugin: PluginState, manifest: Manifest
) -> Iterator[tuple[str, str]]:
    """The same of the programs of its own environment."""
    from lockgate._rights.environment import (
        environment_prefixes,
        import_folders,
        own_folders,
    )
    from lockgate._rights.records import ProgramMissingError, find_program

    for program in manifest.rights.programs:
        try:
            folders = import_folders(plugin.path)
            prefixes: tuple[str, ...] = (sys.prefix,)
            if plugin.environment:
                folders = own_folders(plugin.path)
                prefixes = environment_prefixes(folders)
            find_program(
                program.distribution, program.file, folders=folders, prefixes=prefixes
            )
        except ProgramMissingError as error:
            hint = (
                f"Install the distribution {program.distribution}; if it is "
                f"there, correct `file` in the manifest of {plugin.name}."
            )
            yield f"{plugin.name}: {error}", hint


def device_checks(config: Config, found: Discovery) -> Iterator[Check]:
    """Which plugins stand in each other's way, and who has what at this moment."""
    from lockgate._rights.claims import claims_folder, claims_held

    alone: dict[str, list[str]] = {}
    for plugin in found.plugins:
        rights = plugin.manifest.rights if plugin.usable and plugin.manifest else None
        for device in rights.devices if rights is not None else ():
            if rights is not None and not rights.shares(device):
                alone.setdefault(device, []).append(plugin.name)
    for device, names in alone.items():
        if len(names) > 1:
            said = f"{device} is claimed for itself by each of {', '.join(names)}"
            hint = (
                "Only one of them can have it open at a time; "
                'mode = "shared" under [[rights.claims]] of each lets them share.'
            )
            yield Check("devices", "warning", said, hint)
    held = claims_held(claims_folder(config.runtime_folder))
    for claim in held:
        said = f"{claim.device} is open in plugin {claim.plugin} of host {claim.host}"
        yield Check("devices", "ok", f"{said}, {claim.mode}")
    if not held:
        yield Check("devices", "ok", "no plugin has a device open")
