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
    "contract-load-crash": Code(
        "contract",
        "Its worker ended while the plugin was loaded.",
        "Ask the author. If you want it all the same: --no-load; it fails at its first "
        "call then.",
    ),
    "contract-load-denied": Code(
        "contract",
        "Loading it does what it asks for no right to; the kernel refused it.",
        "A plugin does its work when it is called, not when it is loaded. Be wary of "
        "one that reaches out at once, and ask the author.",
    ),
    "contract-load-impl": Code(
        "contract",
        "It loads, and has not the functions that its manifest names.",
        "Ask the author for a version for this lockgate.",
    ),
    "contract-load-import": Code(
        "contract",
        "Loading it fails.",
        "The place is named. A module that is missing may be a dependency that its "
        "author forgot; another Python than theirs may be at fault.",
    ),
    "contract-load-limit": Code(
        "contract",
        "Loading it takes more time or memory than it may.",
        "Its limits are those of the tier that it asks for, 30 CPU seconds and a "
        "minute at most. If you want it all the same: --no-load.",
    ),
    "contract-load-unavailable": Code(
        "contract",
        "No worker can be sealed on this machine, so it was not loaded.",
        "`lockgate doctor` says what is missing. Nothing runs unsealed; to install it "
        "here and run it elsewhere: --no-load.",
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
