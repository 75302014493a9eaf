"""What tables, columns and indexes are in a statistics file: one line each that people read."""
