"""A run document becomes one self-contained HTML page.

Everything in a run document is foreign text: names from specs, messages of
tools, output of firmware. It passes three gates: `reading` takes nothing but the
type that is asked for, within bounds; the views (`runs`, `parts`, `timeline`,
`gantt`) hold plain values; and one template escapes all of them. The page allows
itself no request, and no script or style but its own (by hash).
"""
