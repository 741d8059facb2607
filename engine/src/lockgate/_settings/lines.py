"""The line of a settings file that a setting stands on."""

from __future__ import annotations

from lockgate._settings.value import CONFIG_LIMIT_BYTES
from lockgate._text.files import UnreadableError, read_bounded
from lockgate._text.toml_lines import line_of

__all__ = ["line_of_setting"]


def line_of_setting(source: str, key: str) -> int:
    """The line of `key` in a TOML file; 0 for any other source."""
    if not source.endswith(".toml"):
        return 0
    try:
        text = read_bounded(source, CONFIG_LIMIT_BYTES).decode("utf-8", "replace")
    except UnreadableError:
        return 0
    prefix = ("tool", "lockgate") if source.endswith("/pyproject.toml") else ()
    return line_of(text, (*prefix, *key.split(".")))
