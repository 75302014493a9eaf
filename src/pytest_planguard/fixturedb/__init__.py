"""The database plans are made in: a server, a schema, a scale, and files as large as they say."""
