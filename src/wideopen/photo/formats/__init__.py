"""One module for what is peculiar to a file format."""
