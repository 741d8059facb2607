"""Discover hardware, talk to it, and run firmware on boards that are not there."""
