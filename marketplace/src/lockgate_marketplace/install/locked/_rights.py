"""The rights that what a lock brings would have at once, unseen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lockgate.grants import Grant
from lockgate_marketplace.consent import passes_on
from lockgate_marketplace.errors import ConsentError
from lockgate_marketplace.install._plan import Plan

__all__ = ["check_rights"]


def check_rights(plans: Iterable[Plan], grants: Mapping[str, Grant | None]) -> None:
    """Refuse what would have rights at once, by a word that was said of any version.

    `grants` are the owner's, by the plugin's name.

    Raises:
        ConsentError: ``consent-lock``.
    """
    for plan in plans:
        grant = grants[plan.manifest.name]
        if grant is not None and passes_on(grant, plan.plugin.name, plan.manifest):
            rights = sorted(grant.granted)
            message = (
                f"{plan.manifest.name} {plan.plugin.version}, which the lock brings, "
                f"would have {', '.join(rights)}: granted for any version"
            )
            where = plan.plugin.filename
            raise ConsentError("consent-lock", message, where=where, asked=rights)
