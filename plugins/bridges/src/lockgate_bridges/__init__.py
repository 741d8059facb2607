"""Drivers for foreign ecosystems' plugins, one module each.

A driver is called in a foreign plugin's own sealed worker, with its entry points. It
imports the ecosystem there, never in the host, and gives an object whose marked
methods answer lockgate's hooks. What the ecosystem itself would read from files or
write to them goes through memory: such a worker has no file system to speak of.
"""
