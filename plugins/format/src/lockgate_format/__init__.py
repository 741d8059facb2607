"""Format Python with ruff and C++ with clang-format.

`plugin` adapts the library to the host; the library knows trees of files and a way to
run a program, nothing else: `formatter` over `ruff` and `clang`, `options` (what may be
asked for), `batch` (which files a program is given), `errors`.
"""
