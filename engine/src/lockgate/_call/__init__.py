"""One hook call: what is asked, what is answered, what goes wrong.

Read it from below: `call` (what is asked, within which time), `wrapping` and `past`
(who else takes part), `answers`, `streams` and `async_streams` (what comes back),
`blame` with `way_out` and `down` (what goes wrong, in whose name), `diff` (what the
host says of an answer itself), `face` and `async_face` (the methods that an embedding
program calls).
"""
