"""Makes an empty database look as large as its statistics say: catalog rows and sparse files."""
