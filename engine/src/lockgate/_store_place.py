"""Where the store is, and whether it is ours alone: all that discovery asks first.

Next to nothing is imported: with an index that holds, a command needs no more of the
store (`lockgate.installed`) than this.
"""

from __future__ import annotations

import os

from lockgate.owned import foreign_writer

__all__ = ["StorePlace"]

_FOLDERS = ("generations", "wheels", "merged", "staging", "leases")


class StorePlace:
    """The store below the folder `data_dir`; it need not exist."""

    __slots__ = ("root",)

    def __init__(self, data_dir: str) -> None:
        self.root = f"{data_dir}/store"

    @property
    def pointer(self) -> str:
        """The file that says which generation is in force."""
        return f"{self.root}/current"

    def file(self, number: int) -> str:
        """The file of a generation."""
        return f"{self.root}/generations/{number}.json"

    @property
    def staged_file(self) -> str:
        """The file that names the releases that wait for consent."""
        return f"{self.root}/staged.json"

    @property
    def leases(self) -> str:
        """The folder of what hosts that run import from."""
        return f"{self.root}/leases"

    @property
    def exists(self) -> bool:
        """Whether anything was ever installed. One look."""
        return os.path.lexists(self.pointer)

    def check(self) -> None:
        """See that nobody but the owner can have put anything here.

        Raises:
            InstalledError: If somebody else may write to the store's folders.
        """
        try:
            found = foreign_writer(self.root)
            for name in _FOLDERS:
                folder = f"{self.root}/{name}"
                if found is None and os.path.lexists(folder):
                    found = foreign_writer(folder, above=False)
        except OSError as error:
            from lockgate.errors import InstalledError

            raise InstalledError(str(error.strerror), file=self.root) from None
        if found is not None:
            from lockgate.errors import InstalledError

            hint = f"Look at it, then: {found.hint}"
            raise InstalledError(str(found), file=self.root, hint=hint)
