"""Codes of the step `contract`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["CONTRACT"]

CONTRACT: dict[str, Code] = {
    "contract-broken": Code(
        "contract",
        "The functions that the manifest names do not fit this host's hooks.",
        "Ask the author for a version for this lockgate.",
    ),
    "contract-claimed": Code(
        "contract",
        "It takes a name for itself that another plugin has: a plugin's own, a "
        "command's, a kind's or a hook's.",
        "One of the two can be installed: uninstall the other one first.",
    ),
    "contract-manifest": Code(
        "contract",
        "The wheel holds no manifest that this lockgate understands.",
        "Is it a lockgate plugin? pip installs other distributions.",
    ),
    "contract-needs": Code(
        "contract",
        "It needs a distribution that is not at hand.",
        "Give its wheel too: lockgate install PLUGIN.whl NEEDED.whl",
    ),
    "contract-system": Code(
        "contract",
        "It wants to run inside the host, which only the trusted base does.",
        "Nothing installs it into the store.",
    ),
}
