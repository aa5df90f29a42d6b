"""The registered transforms: each draws its parameters, calls pure functions and writes keys."""
