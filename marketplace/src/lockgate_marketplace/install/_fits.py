"""What any way into the store asks of a plugin's wheel: its names, and its tier."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.discovery import PluginState
from lockgate.errors import ManifestError
from lockgate.manifest import Manifest, parse_manifest
from lockgate_marketplace.errors import ContractError
from lockgate_marketplace.wheel import Surroundings, Wheel

__all__ = ["manifest_of", "surroundings"]


def surroundings(present: Iterable[PluginState]) -> Surroundings:
    """Whose the plugins' names are: also those of what is not used at the moment.

    A single file has none: it yields to whatever is installed, and any checkout in
    which a command is run can bring it.
    """
    owned = [s for s in present if s.state != "shadowed" and not s.single_file]
    return Surroundings(plugins={state.name: state.distribution for state in owned})


def manifest_of(wheel: Wheel) -> Manifest:
    """The manifest of a wheel that holds a plugin.

    Raises:
        ContractError: ``contract-manifest``, or ``contract-system`` if it wants to run
            inside the host.
    """
    try:
        manifest = parse_manifest(
            wheel.manifest or b"", file=wheel.manifest_path, distribution=wheel.name
        )
    except ManifestError as error:
        where = f"{wheel.filename}: {error.file}:{error.line}"
        where += f" ({error.key})" if error.key else ""
        raise ContractError(
            "contract-manifest", error.message, where=where, hint=error.hint
        ) from None
    if manifest.tier == "system":
        message = f"{manifest.name} asks for tier 'system'"
        raise ContractError("contract-system", message, where=wheel.filename)
    return manifest
