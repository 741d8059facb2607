"""A reviewer by rules that needs no network.

`plugin` adapts the library to the host; the library (`router` over the agents
`explain`, `review`, `fix`, and `embed`) knows no host.
"""
