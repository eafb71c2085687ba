"""From a photo to its rendering: the one call behind every door."""
