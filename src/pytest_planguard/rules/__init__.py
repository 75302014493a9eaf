"""One rule a file: its facts as data, and a check that returns candidates."""
