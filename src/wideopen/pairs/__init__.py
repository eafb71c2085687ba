"""Pairs of a sharp photo and its wide-open target: found, inspected, cut into samples."""
