"""The plugin: hands the host's questions to the library, and its answers back."""

from __future__ import annotations

from lockgate.plugin import (
    Document,
    Generation,
    Note,
    Reason,
    RefusedError,
    Tree,
    hookimpl,
)
from lockgate_firmware import generate as library
from lockgate_firmware.problems import SpecRefusedError
from lockgate_firmware.spec import is_spec

__all__ = ["generate", "generator_targets"]


@hookimpl
def generate(spec: Document, targets: tuple[str, ...]) -> Generation | None:
    """Make firmware, an SDK and a pin table from a hardware spec.

    Raises:
        RefusedError: If the spec is wrong, with every reason.
    """
    if not is_spec(spec):
        return None
    try:
        product = library.generate(spec, targets)
    except SpecRefusedError as error:
        raise RefusedError(
            [Reason(p.code, p.where, p.message, p.hint) for p in error.problems]
        ) from None
    notes = tuple(
        Note(r.kind, r.subject, r.message, r.asked, r.given) for r in product.remarks
    )
    return Generation(Tree.of(product.files), notes, product.contract, product.targets)


@hookimpl
def generator_targets() -> tuple[str, ...]:
    """Name what can be made."""
    return library.TARGETS
