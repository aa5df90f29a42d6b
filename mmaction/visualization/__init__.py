"""Drawing of clips, skeletons, labels and scores."""
