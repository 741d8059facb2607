"""The peripherals that the firmware drives, one module per kind."""

from lockgate_firmware.parts.base import Command, Part, Row
from lockgate_firmware.parts.button import Button
from lockgate_firmware.parts.encoder import Encoder
from lockgate_firmware.parts.led import Led
from lockgate_firmware.parts.motor import Motor
from lockgate_firmware.parts.sensor import Sensor
from lockgate_firmware.parts.speaker import Speaker

__all__ = [
    "KINDS",
    "Button",
    "Command",
    "Encoder",
    "Led",
    "Motor",
    "Part",
    "Row",
    "Sensor",
    "Speaker",
]

KINDS: tuple[type[Part], ...] = (Led, Button, Sensor, Motor, Encoder, Speaker)
"""Every kind, in the order of the reference page."""
