"""Discover hardware, talk to it, and run firmware on boards that are not there.

`plugin` answers the host's hooks. Below it: `boards` (which firmware can be simulated),
`simulation` and `simavr` (run on a board that is not there, over `arduino` and the
sealed `runtime`), `contract`, `outcome` and `differential` (what it is held to, what
came of it, against another board); `serial_ports`, `passed_port` and `virtual_session`
(open devices); `host_facts`; `_foreign` (data whose types nobody vouches for).
"""
