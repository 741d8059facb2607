"""The table ``layers``: how firmly isolation layers are held, at all tiers or at one.

Names and modes are the sandbox's; what is no layer, no tier or no mode is told with
its key and its line, before any worker is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from lockgate._settings.lines import line_of_setting
from lockgate.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from lockgate_sandbox.layers import Layers

__all__ = ["checked_layers"]

_WAY = 'Write NAME = "strict" or "degradable", under [layers] or [layers.TIER].'


def checked_layers(table: Mapping[str, Any], origins: Mapping[str, str]) -> Layers:
    """`table`, if it says something about layers.

    Raises:
        ConfigError: If not, or it lets go of a layer that no tier goes without.
    """
    if not table:
        return {}
    from lockgate_sandbox.layers import TIERS
    from lockgate_sandbox.posture import LAYERS

    for name, given in table.items():
        if name in TIERS:
            # Also where another source has laid a table over what is none.
            if not isinstance(given, Mapping) or f"layers.{name}" in origins:
                raise _wrong(f"layers.{name}", "it must be a table", _WAY, origins)
            for layer, mode in cast("Mapping[str, object]", given).items():
                _check(f"layers.{name}.{layer}", layer, mode, LAYERS, origins)
        else:
            _check(f"layers.{name}", name, given, (*LAYERS, *TIERS), origins)
    return cast("Layers", dict(table))


def _check(
    key: str,
    layer: str,
    mode: object,
    names: tuple[str, ...],
    origins: Mapping[str, str],
) -> None:
    from lockgate_sandbox.layers import MODES, too_loose

    if layer not in names:
        hint = did_you_mean(layer, names) or f"Known: {', '.join(names)}."
        raise _wrong(key, f"unknown layer {layer!r}", hint, origins)
    if mode not in MODES:
        raise _wrong(key, f"{mode!r} is no mode of a layer", _WAY, origins)
    if why := too_loose(layer, mode):
        raise _wrong(key, why, _WAY, origins)


def _wrong(
    key: str, message: str, hint: str, origins: Mapping[str, str]
) -> ConfigError:
    below = (o for k, o in origins.items() if k.startswith(f"{key}."))
    source = origins.get(key) or next(below, "")
    line = line_of_setting(source, key)
    return ConfigError(message, key=key, source=source, line=line, hint=hint)
