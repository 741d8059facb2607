"""Every error of the chain from an index to the store, one class for each step.

::

    MarketplaceError
    ├── SourceError          which index a name belongs to
    ├── FetchError           bytes from a server, within limits
    ├── PageError            what an index says about a project
    ├── FreshnessError       what it said before
    ├── ResolutionError      which versions fit together
    ├── IdentityError        who made the file
    ├── WheelError           the file itself
    ├── ScanError            what its source does
    ├── ContractError        what the host expects of it
    ├── ConsentError         what the owner has not granted
    ├── StoreError           what is kept, and where
    ├── LockFileError        ``lockgate.lock``
    └── PublishError         what goes out

A step refuses for many reasons, so each raise names its own `code` out of
`lockgate_marketplace.codes`, which says what it means and the way out. All of them
end a command with status 3, the input was refused, but for `StoreError` (1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.errors import LockgateError
from lockgate_marketplace.codes import CODES

if TYPE_CHECKING:
    from lockgate.values import Data

__all__ = [
    "ConsentError",
    "ContractError",
    "FetchError",
    "FreshnessError",
    "IdentityError",
    "LockFileError",
    "MarketplaceError",
    "PageError",
    "PublishError",
    "ResolutionError",
    "ScanError",
    "SourceError",
    "StoreError",
    "WheelError",
]


class MarketplaceError(LockgateError):
    """The root. `code` is one of `CODES` whose step is the class's own."""

    exit_status = 3
    step = ""
    """The step of the chain that refuses, as `Code.step` names it."""

    def __init__(
        self,
        code: str,
        message: str,
        /,
        *,
        hint: str = "",
        where: str = "",
        **fields: Data,
    ) -> None:
        known = CODES[code]
        if known.step != self.step:
            raise ValueError(f"{code} belongs to the step {known.step!r}")
        super().__init__(message, hint=hint or known.hint, where=where, **fields)
        self.code = code


class SourceError(MarketplaceError):
    """No index, or more than one, answers for a name."""

    step = "source"


class FetchError(MarketplaceError):
    """A server did not hand over what was asked for, or too much of it."""

    step = "fetch"


class PageError(MarketplaceError):
    """A project's page or a file's metadata is not what it must be."""

    step = "page"


class FreshnessError(MarketplaceError):
    """The index contradicts what it said before."""

    step = "freshness"


class ResolutionError(MarketplaceError):
    """No set of versions fits."""

    step = "resolve"


class IdentityError(MarketplaceError):
    """Who made the file is unknown, not proven, or somebody else than before."""

    step = "identity"


class WheelError(MarketplaceError):
    """The wheel is refused; nothing of it was unpacked."""

    step = "wheel"


class ScanError(MarketplaceError):
    """The source does what its manifest does not declare."""

    step = "scan"


class ContractError(MarketplaceError):
    """The plugin does not fit this host's hooks, or does not load."""

    step = "contract"


class ConsentError(MarketplaceError):
    """The owner has not agreed to the rights that it asks for."""

    step = "consent"


class StoreError(MarketplaceError):
    """The store cannot be read or written, or is not what it was."""

    exit_status = 1
    step = "store"


class LockFileError(MarketplaceError):
    """The lock file is unsound, or the project differs from it."""

    step = "lock"


class PublishError(MarketplaceError):
    """What was to be published is refused, here or by the index."""

    step = "publish"
