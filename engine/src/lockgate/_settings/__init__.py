"""The settings: where they stand and what they may be, behind `lockgate.config`."""
