"""Seccomp filters as data: compiled, assembled and simulated without a kernel.

`compile` turns judged system calls into a decision tree, `assemble` turns the
tree into classic BPF, and `simulate` answers "what happens to call N with
arguments A" for any program, for either architecture, on any machine.
"""
