"""Which board a spec means: by platform, processor and board or model name."""

from __future__ import annotations

from lockgate_firmware.boards import BOARDS, MCUS, PLATFORMS, Board
from lockgate_firmware.problems import Review, did_you_mean, shown
from lockgate_firmware.spec import Spec

__all__ = ["choose_board"]

_MODELS = {"core": "m5stack-core", "basic": "m5stack-core"}


def choose_board(spec: Spec, review: Review) -> Board | None:
    """The board that `spec` means, or None with the problem in `review`."""
    if not spec.platform:
        return None
    boards = PLATFORMS[spec.platform]
    if not _check_model(spec, review):
        return None
    if spec.hardware.board:
        return _named(spec, review)
    if spec.hardware.mcu:
        return _by_mcu(spec, boards, review)
    default = next(iter(boards))
    if spec.platform != "m5stack":
        review.remark(
            "assumed",
            "hardware.mcu",
            f"No processor is named: the {default.name} is taken.",
        )
    return default


def _check_model(spec: Spec, review: Review) -> bool:
    if not spec.m5stack_model:
        return True
    if spec.platform != "m5stack":
        review.refuse(
            "contradiction",
            "m5stack_model",
            f"the platform is {spec.platform!r}, not 'm5stack'",
            "Leave it out, or set platform: m5stack.",
        )
        return False
    if spec.m5stack_model not in _MODELS:
        review.refuse(
            "unsupported-board",
            "m5stack_model",
            f"{shown(spec.m5stack_model)} is not supported",
            did_you_mean(spec.m5stack_model, _MODELS, "Supported: core, basic."),
        )
        return False
    return True


def _named(spec: Spec, review: Review) -> Board | None:
    name = spec.hardware.board.lower()
    board = BOARDS.get(name)
    if board is None:
        review.refuse(
            "unsupported-board",
            "hardware.board",
            f"{shown(spec.hardware.board)} is not supported",
            did_you_mean(name, BOARDS, f"Supported: {', '.join(BOARDS)}."),
        )
        return None
    if board.platform != spec.platform:
        review.refuse(
            "contradiction",
            "hardware.board",
            f"{board.id!r} is no board of platform {spec.platform!r}",
            f"Set platform: {board.platform}.",
        )
        return None
    mcu = MCUS.get(spec.hardware.mcu.lower())
    if spec.hardware.mcu and mcu != board.mcu:
        review.refuse(
            "contradiction",
            "hardware.mcu",
            f"the {board.name} has an {board.mcu}, not {shown(spec.hardware.mcu)}",
            f"Set mcu: {board.mcu}, or leave it out.",
        )
        return None
    return board


def _by_mcu(spec: Spec, boards: tuple[Board, ...], review: Review) -> Board | None:
    mcu = MCUS.get(spec.hardware.mcu.lower())
    if mcu is None:
        known = sorted({name for name in MCUS if MCUS[name] in _mcus(boards)})
        review.refuse(
            "unsupported-mcu",
            "hardware.mcu",
            f"{shown(spec.hardware.mcu)} is not supported on platform "
            f"{spec.platform!r}",
            did_you_mean(spec.hardware.mcu, known, f"Supported: {', '.join(known)}."),
        )
        return None
    for board in boards:
        if board.mcu == mcu:
            return board
    platforms = [name for name, some in PLATFORMS.items() if mcu in _mcus(some)]
    review.refuse(
        "contradiction",
        "hardware.mcu",
        f"{shown(spec.hardware.mcu)} is no processor of platform {spec.platform!r}",
        f"Set platform: {' or '.join(platforms)}, or mcu: {boards[0].mcu}.",
    )
    return None


def _mcus(boards: tuple[Board, ...]) -> set[str]:
    return {board.mcu for board in boards}
