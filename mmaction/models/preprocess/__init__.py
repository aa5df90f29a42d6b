"""From a batch of samples to the tensor that the backbone reads, on the device of the model."""
