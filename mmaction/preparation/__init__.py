"""Turns official lists and videos into checked training lists; the tools below ``tools/data`` are its command line."""
