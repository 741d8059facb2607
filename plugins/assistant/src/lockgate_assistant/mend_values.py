"""Menders of words and numbers: did-you-mean, clamp, slug, quote, leave out."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lockgate_assistant.boards import BOARDS
from lockgate_assistant.material import mapping
from lockgate_assistant.mend import Case, Mender, closest, listed, quoted
from lockgate_assistant.spec_yaml import Path

__all__ = ["VALUE_MENDERS", "slug"]

_BAUDS = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
_NAME_CHARS = 48
_LIMITS = re.compile(r"is not between (-?\d{1,12}) and (-?\d{1,12})")
_CHARACTERS = re.compile(r"has more than (\d{1,6}) characters")
_SET_PLATFORM = re.compile(r"\b[Ss]et platform: ([\w-]{1,40})")
_SET_MCU = re.compile(r"\bmcu: ([\w-]{1,40})")
_NUMBER = re.compile(r"\s*[+-]?\d{1,12}\s*")
_TRUTH = {"true": True, "yes": True, "on": True}
_TRUTH.update({"false": False, "no": False, "off": False})
_NAME_PART = re.compile(r"[^A-Za-z0-9]+")

# What to write where no known word is near: each is what is made anyway.
_SAFE = {
    "unknown-language": "python",
    "unknown-ui-framework": "none",
    "unknown-protocol": "serial",
    "unknown-data-format": "text",
}


def slug(name: str) -> str:
    """A device name out of `name`: its letters and digits, words by hyphens."""
    words = [word for word in _NAME_PART.split(name) if word]
    return "-".join(words)[:_NAME_CHARS].strip("-").lower() or "my-device"


def _word(case: Case) -> str:
    """An unknown word becomes the known one that is meant."""
    written = case.spec.word(case.path)
    known = listed(case.trouble)
    if case.trouble.code == "unknown-platform":
        known += [board.platform for board in BOARDS]
    meant = (
        quoted(case.trouble)
        or closest(written, known)
        or _SAFE.get(case.trouble.code, "")
    )
    if case.trouble.code == "unknown-platform" and not meant:
        mcu = case.spec.word(("hardware", "mcu")).lower()
        fits = [b.platform for b in BOARDS if b.mcus and mcu.startswith(b.mcus)]
        meant = fits[0] if fits else ""
    if not meant:
        return ""
    case.spec.replace(case.path, meant)
    return f"reads {written[:60]!r} as {meant!r}"


def _platform(case: Case) -> str:
    """Platform, board and processor that contradict each other."""
    path, hint = case.path, case.trouble.hint
    if path == ("m5stack_model",) and case.trouble.code == "contradiction":
        case.spec.remove(path)
        return "leaves the model out: it is not an M5Stack"
    if path == ("hardware", "board") and (match := _SET_PLATFORM.search(hint)):
        case.spec.replace(("platform",), match[1])
        return f"sets the platform that the board belongs to: {match[1]}"
    match = _SET_MCU.search(hint)
    known = listed(case.trouble)
    meant = match[1] if match else quoted(case.trouble) or next(iter(known), "")
    if not meant:
        return ""
    case.spec.replace(path, meant)
    return f"names what the platform has: {meant}"


def _contradiction(case: Case) -> str:
    if case.path == ("communication", "baudrate"):
        rate = case.spec.get(("timing", "BAUD_RATE"))
        if isinstance(rate, int):
            case.spec.replace(case.path, rate)
            return "lets both places say the same rate"
        return ""
    if case.path[-1:] == ("active",):
        pull: Path = (*case.path[:-1], "pull")
        if case.spec.node(pull) is None:
            case.spec.insert(pull, "external")
        else:
            case.spec.replace(pull, "external")
        return "says that a resistor holds the button, which active: high needs"
    return _platform(case)


def _baud(case: Case) -> str:
    written = case.spec.get(case.path)
    if not isinstance(written, int):
        return ""
    rates = [int(word) for word in listed(case.trouble) if word.isdecimal()] or list(
        _BAUDS
    )
    near = min(rates, key=lambda rate: abs(rate - written))
    case.spec.replace(case.path, near)
    return f"takes the rate that is nearest to {written}: {near}"


def _clamp(case: Case) -> str:
    match, written = _LIMITS.search(case.trouble.message), case.spec.get(case.path)
    if match is None or not isinstance(written, int):
        return ""
    low, high = int(match[1]), int(match[2])
    value = min(max(written, low), high)
    if case.path[-1] in ("BAUD_RATE", "baudrate"):
        value = min(_BAUDS, key=lambda rate: abs(rate - written))
    case.spec.replace(case.path, value)
    return f"takes the nearest value within {low} to {high}: {value}"


def _retype(case: Case) -> str:
    """A number in quotes loses them, a bare number where a text is due gets them."""
    node, written = case.spec.node(case.path), case.spec.get(case.path)
    if node is None:
        return ""
    if "whole number" in case.trouble.message:
        if isinstance(written, float) and written.is_integer():
            written = str(round(written))
        if isinstance(written, str) and _NUMBER.fullmatch(written):
            case.spec.replace(case.path, int(written))
            return "writes the number without quotes"
    elif "true or false" in case.trouble.message and isinstance(written, str):
        if written.lower() in _TRUTH:
            case.spec.replace(case.path, _TRUTH[written.lower()])
            return "writes the truth value without quotes"
    elif "must be a text" in case.trouble.message and isinstance(node.value, str):
        case.spec.quote(case.path)
        return "puts the text in quotes"
    return ""


def _shorten(case: Case) -> str:
    match, written = _CHARACTERS.search(case.trouble.message), case.spec.get(case.path)
    if match is None or not isinstance(written, str):
        return ""
    limit = int(match[1])
    short = " ".join(written.split())[:limit].rstrip()
    cut = short.rpartition(" ")[0] if " " in short[limit // 2 :] else short
    case.spec.replace(case.path, cut)
    return f"shortens the text to {limit} characters or less"


def _name(case: Case) -> str:
    case.spec.replace(case.path, slug(case.spec.word(case.path)))
    return "keeps the letters and digits of the name"


def _visible(case: Case) -> str:
    """Drop what cannot be seen; in the device's name keep letters and digits."""
    if case.path == ("device_name",):
        return _name(case)
    kept = "".join(c if c.isprintable() else " " for c in case.spec.word(case.path))
    ascii_only = "".join(c for c in kept if c.isascii()).strip()
    case.spec.replace(
        case.path, " ".join(kept.split()) if kept.isascii() else ascii_only
    )
    return "leaves the characters out that cannot be seen"


def _empty(case: Case) -> str:
    if case.path == ("device_name",):
        return _name(case)
    if case.path == ("peripherals",):
        return ""
    case.spec.remove(case.path)
    return "leaves the key out that holds nothing"


def _missing(case: Case) -> str:
    if case.path == ("device_name",):
        case.spec.insert(case.path, "my-device")
        return "gives the device a name; choose your own"
    if case.path == ("platform",):
        mcu = case.spec.word(("hardware", "mcu")).lower()
        fits = [b.platform for b in BOARDS if b.mcus and mcu.startswith(b.mcus)]
        if mcu and fits:
            case.spec.insert(case.path, fits[0])
            return f"names the platform of the processor: {fits[0]}"
    return ""


def _rename(case: Case) -> str:
    meant = quoted(case.trouble)
    if not meant:
        return ""
    case.spec.rename(case.path, meant)
    return f"reads the key as {meant!r}"


def _pin_names(case: Case) -> str:
    """Each name of the table that is none becomes one."""
    table = [str(name) for name in mapping(case.spec.get(("pins",)))]
    changed = ""
    for name in table:
        good = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:40].upper()
        good = f"PIN_{good}"[:40] if not good or good[0].isdigit() else good
        if not re.fullmatch(r"[A-Za-z_]\w{0,39}", name, re.ASCII):
            if good in table:
                case.spec.remove(("pins", name))
            else:
                case.spec.rename(("pins", name), good)
            changed = "gives the pin a name of letters, digits and _"
    return changed


VALUE_MENDERS: Mapping[str, Mender] = {
    **dict.fromkeys(
        (
            *("unknown-platform", "unknown-peripheral", "unknown-language"),
            *("unknown-ui-framework", "unknown-protocol", "unknown-data-format"),
            *("unknown-pull", "unknown-active"),
        ),
        _word,
    ),
    "unsupported-board": _platform,
    "unsupported-mcu": _platform,
    "contradiction": _contradiction,
    "baud-unsupported": _baud,
    "out-of-range": _clamp,
    "wrong-type": _retype,
    "too-long": _shorten,
    "path-in-name": _name,
    "control-character": _visible,
    "empty": _empty,
    "missing-key": _missing,
    "unknown-key": _rename,
    "bad-pin-name": _pin_names,
}
