"""What a statement says; the only code that imports pglast."""
