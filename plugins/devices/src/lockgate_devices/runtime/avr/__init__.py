"""The AVR board: machine code in simavr's library, through ctypes."""
