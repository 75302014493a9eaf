"""Parts of the answer key's oracle."""
