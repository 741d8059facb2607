"""The virtual MicroPython board: `machine`, `time` and friends over virtual time.

Read it from above: `board` (what a scenario drives), `firmware` (`main.py` in a thread)
and `core` (virtual time, the baton between the two), `rig` (one board's insides), then
what firmware imports: `machine` with `pin`, `analog`, `serial` and `timers`, `clock`
(the module `time`), `shims` (all others); below them `lines` and `wire` (the electrical
side).
"""
