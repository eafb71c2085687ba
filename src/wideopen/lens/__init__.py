"""One lens: thin-lens optics, apertures, defocus, and the compositing of layers."""
