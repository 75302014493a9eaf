"""The parts of ``fidelity.py``: a real server with rows, the virtual one, and how they compare."""
