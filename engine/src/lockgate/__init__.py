"""A plugin-first engine: typed hooks, sealed workers, nothing imported into the host.

An author imports `lockgate.plugin`; a program that embeds lockgate imports
`lockgate.host`; what can go wrong is in `lockgate.errors`. Importing this
package alone imports nothing else: it happens in every worker.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
