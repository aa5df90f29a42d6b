"""A procedural diving data set: an articulated diver, a camera that follows it, and the files of a data set."""
