"""Where a fixture database's size comes from: declared, generated or observed."""
