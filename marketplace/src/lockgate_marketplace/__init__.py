"""Where plugins come from and where they are kept.

So far this distribution judges the configuration of both for ``lockgate doctor``;
it installs nothing. `plugin` adapts to the host, `checks` knows no host.
"""
