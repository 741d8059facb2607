"""The owner's word about the plugins of one hook, as the settings give it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HookOrder"]


@dataclass(frozen=True, slots=True)
class HookOrder:
    """What the owner says about one hook: wins over what manifests ask for.

    The plugins in `order` are asked first, in this order; those in `disable` not
    at all.
    """

    order: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
