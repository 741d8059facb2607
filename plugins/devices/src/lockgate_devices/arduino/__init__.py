"""From an Arduino sketch to the flash of an AVR: C++, compiler, ELF."""
