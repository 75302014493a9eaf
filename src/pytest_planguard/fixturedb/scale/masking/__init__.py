"""Stand-ins for production's values: which types need them, what they look like, what stays."""
