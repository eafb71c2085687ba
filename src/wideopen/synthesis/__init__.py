"""Pairs made from photos and mattes by a lens."""
