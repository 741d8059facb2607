"""Verbs of the command line that plugins of the trusted base bring.

They are named by ``[[verbs]]`` in a manifest, which only a distribution that the
shipped policy names may have, and only where the host itself would import it from.
Their names and lines in the help are read from the manifest; the module is imported
when its verb is called.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from types import ModuleType

from lockgate._inhost.origin import foreign_origin
from lockgate.cli._session import installed, tolerant_settings
from lockgate.discovery import PluginState
from lockgate.errors import PluginUnavailableError, UsageError
from lockgate.manifest import VerbOffer

__all__ = ["MARKETPLACE_VERBS", "brought", "brought_module"]

_MARKETPLACE = "marketplace"
MARKETPLACE_VERBS = frozenset(
    {
        "audit", "bundle", "export", "gc", "import", "index", "install", "keys",
        "lock", "mirror", "outdated", "publish", "rollback", "sbom", "search", "sign",
        "sync", "trust", "upgrade", "verify", "why",
    }
)  # fmt: skip
"""To tell whoever lacks the marketplace what they lack; its manifest is the truth."""


def brought(plugins: Sequence[PluginState]) -> Iterator[tuple[VerbOffer, PluginState]]:
    """Each verb that a plugin brings, and who does; the first of a name counts."""
    seen: set[str] = set()
    for plugin in plugins:
        # Decoded only if it says that it brings any.
        if '"verbs":' not in plugin.manifest_text or plugin.manifest is None:
            continue
        for verb in plugin.manifest.verbs:
            if verb.name not in seen:
                seen.add(verb.name)
                yield verb, plugin


def brought_module(
    name: str, *, overrides: Sequence[str], chosen: Sequence[str]
) -> ModuleType | None:
    """The module of the verb `name`; None if nobody brings such a verb.

    Raises:
        ConfigError: If a source of settings is wrong.
        PluginUnavailableError: If the plugin that brings it can't be used.
        UsageError: If it is the marketplace's, which is not installed.
    """
    config, wrong = tolerant_settings(overrides, chosen)
    if wrong:
        raise wrong
    plugins = installed(config).plugins
    for verb, plugin in brought(plugins):
        if verb.name == name:
            return _imported(verb, plugin)
    if name not in MARKETPLACE_VERBS:
        return None
    for plugin in plugins:
        if plugin.name == _MARKETPLACE:
            if plugin.usable:
                return None
            raise _unavailable(plugin)
    from lockgate._installer import pip_command, source_of

    raise UsageError(
        f"`lockgate {name}` comes with the marketplace, which is not installed",
        hint="Install it: " + pip_command("install", source_of("lockgate-marketplace")),
    )


def _unavailable(plugin: PluginState) -> PluginUnavailableError:
    return PluginUnavailableError(
        plugin.name, state=plugin.state, reason=plugin.reason, hint=plugin.hint
    )


def _imported(verb: VerbOffer, plugin: PluginState) -> ModuleType:
    if not plugin.usable:
        raise _unavailable(plugin)
    package, origin = verb.module.partition(".")[0], None
    if package == plugin.package:
        origin = foreign_origin(verb.module, plugin.path)
    if package != plugin.package or origin is not None:
        from lockgate._installer import pip_command

        raise PluginUnavailableError(
            plugin.name,
            state="broken",
            reason=f"its verb {verb.name!r} would be imported from "
            f"{origin or package}, not from its own distribution",
            hint=f"`{pip_command('check')}` and `lockgate doctor` may say why.",
        )
    try:
        return import_module(verb.module)
    except ImportError as error:
        raise PluginUnavailableError(
            plugin.name,
            state="broken",
            reason=f"its verb {verb.name!r} can't be imported: {error}",
            hint=f"Install {plugin.distribution} again, with all that it depends on.",
        ) from error
