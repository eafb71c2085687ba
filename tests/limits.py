"""How long tests wait."""

HANG = 600
"""Seconds after which what a test waits for is taken to hang. It is there for hangs alone, and says nothing about
speed: a busy machine, or one with a single core, may take minutes for what takes a second elsewhere."""
