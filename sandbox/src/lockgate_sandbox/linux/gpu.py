"""Which paths lead to a GPU: only through its device nodes can its memory be taken."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["reaches_gpu"]

# /dev/dri: DRM (amdgpu, i915, xe, nouveau); /dev/kfd: AMD's compute; /dev/nvidia*:
# NVIDIA's own driver; /dev/dxg: WSL; /dev/accel: compute accelerators (Linux 6.2).
_FOLDERS = ("/dev", "/dev/dri", "/dev/accel")
_NODES = ("/dev/dri/", "/dev/accel/", "/dev/kfd", "/dev/nvidia", "/dev/dxg")


def reaches_gpu(paths: Iterable[str]) -> bool:
    """Whether a right to one of `paths` is a right to a GPU's device node."""
    return any(
        path == "/" or path in _FOLDERS or path.startswith(_NODES) for path in paths
    )
