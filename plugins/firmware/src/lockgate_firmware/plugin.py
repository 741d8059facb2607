"""The plugin: hands the host's questions to the library, and its answers back."""

from __future__ import annotations

from lockgate.plugin import (
    Document,
    File,
    Generation,
    Note,
    Reason,
    RefusedError,
    Transformation,
    Tree,
    hookimpl,
)
from lockgate_firmware import generate as library
from lockgate_firmware.gather import gather
from lockgate_firmware.problems import SpecRefusedError
from lockgate_firmware.spec import is_spec

__all__ = ["generate", "generator_targets", "transform"]


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
        raise _refused(error) from None
    notes = tuple(
        Note(r.kind, r.subject, r.message, r.asked, r.given) for r in product.remarks
    )
    return Generation(Tree.of(product.files), notes, product.contract, product.targets)


@hookimpl
def transform(tree: Tree, options: Document) -> Transformation | None:
    """Add the trees of other builds, each in a folder, if ``gather`` lists them.

    Raises:
        RefusedError: If the list has another form, or two files get one path.
    """
    if "gather" not in options:
        return None
    own = [(file.path, file.content, file.executable) for file in tree]
    try:
        files = gather(own, options["gather"])
        return Transformation(Tree(tuple(File(*file) for file in files)))
    except SpecRefusedError as error:
        raise _refused(error) from None
    except ValueError as error:
        # A path that leads outside, or a file where a folder is.
        reason = Reason("bad-path", "gather", str(error))
        raise RefusedError([reason]) from None


def _refused(error: SpecRefusedError) -> RefusedError:
    return RefusedError(
        [Reason(p.code, p.where, p.message, p.hint) for p in error.problems]
    )


@hookimpl
def generator_targets() -> tuple[str, ...]:
    """Name what can be made."""
    return library.TARGETS
