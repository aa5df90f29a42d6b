"""Draws the skeletons of a clip on its video and checks them."""
