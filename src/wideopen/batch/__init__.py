"""Many photos: folders, stores, several in flight, a Ray cluster."""
