"""wideopen: a sharp photo in, the same photo as a fast lens wide open would have taken it out."""

__version__ = "0.1.0"
