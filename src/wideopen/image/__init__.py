"""Arithmetic on pictures: colour, tone curves, resizing, filters that follow edges, filling, grain."""
