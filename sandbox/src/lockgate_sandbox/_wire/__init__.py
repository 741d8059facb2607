"""What goes between a host and a worker: frames, checked, and memory beside them.

Read it from below: `frame` (what one is), `scan` (checked before it is decoded), `wire`
(one end of a socket) and its two kinds, `host_end` and `guest_end`; `host_pipe` (calls
in a row); `exchange` (in which order frames may come); `buffers` (arrays beside a
frame), in `arena`, `ring` and `loans`; `misfit` (what may not cross, and where);
`raised` and `remedy` (exceptions that cross), `own_mode` (what no grant helps against);
`life` (what is told of a child).
"""
