"""The parts of ``advice.py``: advisors side by side, what their indexes do when they are built."""
