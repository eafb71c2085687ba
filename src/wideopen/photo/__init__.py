"""Photo files: decoding, encoding, metadata, colour profiles, and the depth maps that they carry."""
