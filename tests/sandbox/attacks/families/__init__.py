"""Attacks that take a whole sandbox: each family in one module, run in every setting.

A module has `ATTACKS`: by name, functions that attack one rung of one host (`field`)
and say whether they got what they came for. Each runs twice: with the sandbox as it
is, and with what protects from it gone: a layer switched off, a limit raised, or
something simpler in the place of what we do (a reader that checks nothing, a start
that is Python's own). The first must fail, and the second succeed: that is what
`test_families` looks at, as root and as an ordinary user, with namespaces and without.

They run in a host process of `tests.support.everywhere`, where there is no pytest.
"""
