"""HDR gain maps: what they mean, and the light that a photo with one holds."""
