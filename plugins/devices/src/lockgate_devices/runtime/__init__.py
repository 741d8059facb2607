"""What runs inside the read-only worker: the boards and the scenario runner.

The package is sent to the broker as a tree of files and is imported from it
there. It therefore imports nothing but the standard library and itself, and
speaks plain data at its doors (`entry`).
"""
