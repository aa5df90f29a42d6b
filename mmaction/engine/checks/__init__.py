"""What is examined before and during a run."""
