"""GitHub and GitLab: where a pull request is, and its comments."""
