"""Extra fields of a zip header (APPNOTE.TXT 4.5).

Few kinds are let in, each at most once: zip64 sizes, and times and owners, which
nothing here looks at. The others rename (Info-ZIP's Unicode path), link (PKWARE's
and ASi's Unix fields) or encrypt, for some readers and not for others.
"""

from __future__ import annotations

import struct

from lockgate_marketplace.errors import WheelError

__all__ = ["SENTINEL", "extra_fields", "zip64_values"]

SENTINEL = 0xFFFFFFFF
"""A size or an offset that zip64's extra field has in its place."""
_ZIP64 = 0x0001
_KNOWN = frozenset(
    {
        _ZIP64,
        0x000A,  # NTFS: times
        0x5455,  # Info-ZIP: times
        0x5855,  # Info-ZIP Unix, old: times, owner
        0x7855,  # Info-ZIP Unix: owner
        0x7875,  # Info-ZIP Unix, new: owner
    }
)


def extra_fields(raw: bytes, where: str) -> dict[int, bytes]:
    """Split an extra area into its fields.

    Raises:
        WheelError: If it does not split, or has an unknown or repeated field.
    """
    fields: dict[int, bytes] = {}
    at = 0
    while at < len(raw):
        if len(raw) - at < 4:
            message = "the extra fields end within a field"
            raise WheelError("wheel-zip-extra", message, where=where)
        kind, size = struct.unpack_from("<HH", raw, at)
        body = raw[at + 4 : at + 4 + size]
        if len(body) != size:
            message = f"the extra field {kind:#06x} is cut off"
            raise WheelError("wheel-zip-extra", message, where=where)
        if kind not in _KNOWN:
            message = f"the extra field {kind:#06x} is not among those let in"
            raise WheelError("wheel-zip-extra", message, where=where)
        if kind in fields:
            message = f"the extra field {kind:#06x} is there twice"
            raise WheelError("wheel-zip-extra", message, where=where)
        fields[kind] = body
        at += 4 + size
    return fields


def zip64_values(
    values: tuple[int, ...], fields: dict[int, bytes], where: str
) -> tuple[int, ...]:
    """`values` (size, packed size, offset) with sentinels replaced by zip64's.

    Bazel writes the field with sizes that the header has as well: readers agree
    only if these are the same.

    Raises:
        WheelError: If zip64's field has not exactly as many values as there are
            sentinels; without any, if it has others than the header.
    """
    raw = fields.get(_ZIP64)
    wanted = values.count(SENTINEL)
    if raw is None and not wanted:
        return values
    if raw is not None and not wanted and len(raw) == 16:
        if struct.unpack("<2Q", raw) == values[:2]:
            return values
        message = "the zip64 field has other sizes than the header"
        raise WheelError("wheel-zip-zip64", message, where=where)
    if raw is None or len(raw) != 8 * wanted:
        length = "no" if raw is None else f"a {len(raw)}-byte"
        message = f"{length} zip64 field for {wanted} sizes that refer to it"
        raise WheelError("wheel-zip-zip64", message, where=where)
    large = iter(struct.unpack(f"<{wanted}Q", raw))
    return tuple(next(large) if value == SENTINEL else value for value in values)
