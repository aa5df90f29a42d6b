"""Use a trained model from Python: build it, run it on a clip, read the scores."""
