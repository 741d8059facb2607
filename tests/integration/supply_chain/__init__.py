"""What pip, uv and lockgate do with hostile wheels and indexes, measured side by side.

::

    python -m tests.integration.supply_chain               # run all, write the page
    python -m tests.integration.supply_chain --only slip   # run some, print them

`rows` says what a row is, `wheel_rows` has those about a wheel's content, and
`table` lists the parts of the table: another part is a module with a `PART`. Each row
runs against the real pip and the real uv, as commands in environments that are thrown
away. The run is kept in ``tests/data/supply_chain.json``; the table of
``docs/explanation/supply-chain.md`` is made from it. A test holds our column.
"""
