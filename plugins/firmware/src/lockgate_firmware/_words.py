"""The words of a spec: keys, types, and what of them is not made here (yet)."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "COMMUNICATION_KEYS",
    "DATA_FORMATS",
    "HARDWARE_KEYS",
    "KIND_OF",
    "LANGUAGES",
    "NOT_DRIVEN",
    "PERIPHERAL_KEYS",
    "PERIPHERAL_TYPES",
    "PROTOCOLS",
    "TIMING_LIMITS",
    "TIMING_UNUSED",
    "TOP_KEYS",
    "UI_FRAMEWORKS",
]

TOP_KEYS = (
    "device_name",
    "platform",
    "m5stack_model",
    "software_language",
    "ui_framework",
    "hardware",
    "pins",
    "timing",
    "wifi",
    "peripherals",
    "communication",
)
HARDWARE_KEYS = (
    "mcu",
    "board",
    "clock_speed",
    "memory",
    "ram",
    "flash",
    "display",
    "wifi",
)
COMMUNICATION_KEYS = ("protocol", "baudrate", "data_format", "port", "wifi_enabled")
PERIPHERAL_KEYS = (
    "type",
    "pin",
    "name",
    "description",
    "sensor_type",
    "pin_b",
    "direction_pin",
    "pull",
    "active",
)

LANGUAGES = (
    *("python", "cpp", "c", "c++", "rust", "go", "java"),
    *("javascript", "typescript", "csharp"),
)
UI_FRAMEWORKS = (
    *("none", "react", "vue", "html", "angular", "svelte", "qt", "tkinter"),
    *("flutter", "electron"),
)
PROTOCOLS = (
    *("serial", "wifi", "http", "mqtt", "websocket", "tcp", "udp", "bluetooth"),
    *("ble", "lora", "i2c", "spi", "can", "usb"),
)
DATA_FORMATS = ("text", "json", "binary", "csv", "xml", "msgpack", "cbor", "protobuf")

KIND_OF: Mapping[str, str] = {
    "led": "led",
    "relay": "led",
    "button": "button",
    "switch": "button",
    "sensor": "sensor",
    "temperature": "sensor",
    "humidity": "sensor",
    "pressure": "sensor",
    "light": "sensor",
    "potentiometer": "sensor",
    "motor": "motor",
    "fan": "motor",
    "pump": "motor",
    "encoder": "encoder",
    "speaker": "speaker",
    "buzzer": "speaker",
}
"""Peripheral types that the firmware drives -> the kind that does it."""

NOT_DRIVEN: Mapping[str, str] = {
    "display": "nothing is shown",
    "wifi_module": "the device answers on its serial link only",
    "wifi": "the device answers on its serial link only",
    "bluetooth": "the device answers on its serial link only",
    "lora": "the device answers on its serial link only",
    "gps": "no position is read",
    "imu": "no motion is read",
    "sd_card": "nothing is stored",
    "microphone": "nothing is heard",
    "camera": "no picture is taken",
    "servo": "nothing is moved",
    "rtc": "no date is kept",
}
"""Peripheral types that are known and not driven -> what that means."""

PERIPHERAL_TYPES = (*KIND_OF, *NOT_DRIVEN)

_MS = "ms"
TIMING_LIMITS: Mapping[str, tuple[int, int, str]] = {
    "BAUD_RATE": (300, 4_000_000, "baud"),
    "BLINK_INTERVAL": (20, 60_000, _MS),
    "UPDATE_INTERVAL": (1, 3_600_000, _MS),
    "SAMPLE_RATE": (1, 60_000, _MS),
    "PWM_FREQUENCY": (10, 40_000, "Hz"),
    "UPDATE_RATE": (1, 3_600_000, _MS),
    "CONTROL_LOOP_RATE": (1, 1_000_000, "Hz"),
    "DEBOUNCE_TIME": (1, 10_000, _MS),
}
"""Timing keys -> lowest value, highest value, unit."""

TIMING_UNUSED: Mapping[str, str] = {
    "UPDATE_RATE": "no line is sent unasked; ask as often as you like",
    "CONTROL_LOOP_RATE": "the main loop runs about every millisecond; nothing is "
    "regulated",
    "DEBOUNCE_TIME": "20 ms",
}
"""Timing keys that are known and not used -> what is done instead."""
