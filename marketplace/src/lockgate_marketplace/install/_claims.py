"""What a plugin takes for itself, beside what the others have.

Asked before anybody is asked to agree, and again when the store is held: somebody else
may have installed meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lockgate.discovery import PluginState, claims_of
from lockgate.manifest import Manifest
from lockgate_marketplace.errors import ContractError
from lockgate_marketplace.install._plan import Plan

__all__ = ["check_claims"]

_Claim = tuple[str, str]


def check_claims(plans: Sequence[Plan], present: Iterable[PluginState]) -> None:
    """Whether each plan takes only what is nobody else's.

    What is out of use at the moment, by whatever reason, keeps what it has: it would
    be in use again. What an older installation of the same distribution has is its
    own, and what only another copy shadows counts for nothing. Nor does a single file,
    which yields to whatever is installed.

    Raises:
        ContractError: ``contract-claimed``, naming what and whose it is.
    """
    coming = {plan.plugin.name for plan in plans}
    owners: dict[_Claim, str] = {}
    for state in present:
        if state.state == "shadowed" or state.single_file:
            continue
        if state.distribution not in coming:
            for claim in _of(state.name, state.distribution, state.manifest):
                owners.setdefault(claim, state.distribution)
    for plan in plans:
        wheel = plan.plugin
        for what, name in _of(plan.manifest.name, wheel.name, plan.manifest):
            owner = owners.setdefault((what, name), wheel.name)
            if owner != wheel.name:
                message = f"the {what} {name!r} is {owner}'s"
                raise ContractError(
                    "contract-claimed", message, where=wheel.filename, owner=owner
                )


def _of(name: str, distribution: str, manifest: Manifest | None) -> Iterator[_Claim]:
    # Commands take either name: `lockgate uninstall NAME` must mean one of them.
    yield from (("name", one) for one in {name, distribution})
    if manifest is not None:
        yield from claims_of(manifest)
