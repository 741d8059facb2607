"""Codes of the step `consent`."""

from __future__ import annotations

from lockgate_marketplace.codes._code import Code

__all__ = ["CONSENT"]

CONSENT: dict[str, Code] = {
    "consent-needed": Code(
        "consent",
        "It asks for rights that nobody has agreed to.",
        "Agree with --grant RIGHT (or --grant-all), or install it without rights: "
        "--no-rights.",
    ),
    "consent-refused": Code(
        "consent",
        "You said no.",
        "Nothing was installed. --no-rights installs it without rights.",
    ),
    "consent-lock": Code(
        "consent",
        "A lock file would put code that nobody agreed to where a grant for any "
        "version gives it rights.",
        "Install that wheel with `lockgate install`, or say that it is fine: "
        "--keep-rights.",
    ),
    "consent-policy": Code(
        "consent",
        "The consent policy is not its owner's alone, can be reached by plugins, or "
        "holds what is no rule.",
        "Mend the file, or do without it: --set consent-policy=",
    ),
    "consent-unknown-right": Code(
        "consent",
        "A right was granted that the plugin does not ask for.",
        "Name the rights as they are shown.",
    ),
}
