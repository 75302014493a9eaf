"""The nouns of planguard: frozen values made of the standard library and msgspec only."""
