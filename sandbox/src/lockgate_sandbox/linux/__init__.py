"""One module per kernel facility, on plain ctypes.

Each module says what its facility closes and leaves open, does nothing at
import, and raises `OSError` from the kernel unchanged: what a failure means is
`_seal.enforce`'s decision.
"""
