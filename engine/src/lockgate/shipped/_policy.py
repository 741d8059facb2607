"""Whom this release of the engine trusts from the start: data, and nothing else.

Python and not TOML, because every list of plugins asks for it.
"""

from __future__ import annotations

from lockgate.shipped._party import FirstParty

__all__ = ["FIRST_PARTIES"]

FIRST_PARTIES = (
    FirstParty("firmware", "lockgate-firmware"),
    FirstParty(
        "format",
        "lockgate-format",
        rights=("tier:elevated", "program:ruff", "program:clang-format"),
    ),
    FirstParty(
        "lint",
        "lockgate-lint",
        rights=(
            "tier:elevated",
            "program:ruff",
            "program:cppcheck",
            "program:mpy-cross",
        ),
    ),
    FirstParty(
        "devices",
        "lockgate-devices",
        # The compiler runs in a sandbox of its own, the firmware in read-only
        # workers. Serial devices are never granted from the start.
        rights=(
            "tier:elevated",
            "tier:admin",
            "workers",
            "tool:avr-gcc",
            "read:/sys/class/tty",
            "read:/sys/devices",
        ),
    ),
    FirstParty("assistant", "lockgate-assistant"),
    FirstParty("report", "lockgate-report"),
    FirstParty("bridges", "lockgate-bridges"),
    FirstParty(
        "workflows", "lockgate-workflows", rights=("tier:system",), in_host=True
    ),
    FirstParty(
        "marketplace", "lockgate-marketplace", rights=("tier:system",), in_host=True
    ),
)
