"""Analyse Python, C++, MicroPython and pin use.

`plugin` adapts the library to the host; the library (`linter` and the modules it
calls) knows trees of files, contracts and a way to run a program, nothing else.
"""
