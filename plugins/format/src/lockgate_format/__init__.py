"""Format Python with ruff and C++ with clang-format.

`plugin` adapts the library to the host; the library (`formatter`, `options`,
`ruff`, `clang`) knows trees of files and a way to run a program, nothing else.
"""
