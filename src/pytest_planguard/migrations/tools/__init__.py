"""Programs of their own that run a project's tool on a twin and write down what it sends.

They are started in the project's folder, by the interpreter planguard runs in. Whatever address the
project's settings have, connections to PostgreSQL go to the twin and nowhere else.
"""
