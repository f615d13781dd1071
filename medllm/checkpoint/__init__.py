"""Stopping and going on: checkpoints at step boundaries, whole or absent, exact to the last bit."""
