"""What a trained model does: operations, speed, attention, robustness."""
