"""Analyse Python, C++, MicroPython and pin use.

`plugin` adapts the library to the host; the library knows trees of files, contracts and
a way to run a program, nothing else. Read it from above: `linter` (which file goes to
which check), `ruff`, `cppcheck` and `mpycross` by `tools` (programs), `pins` with
`boards` (the `contract` against the board), `code_pins` (the code against the contract)
over `uses`: `python_uses` with `python_values`, `cpp_uses` with `cpp_scopes` and
`cpp_source`. Everything that can be found is one of `rules`.
"""
