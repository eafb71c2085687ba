"""Models in the formats that other programs run, compared with the network they were made of."""
