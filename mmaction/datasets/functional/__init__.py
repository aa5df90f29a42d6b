"""Pure functions behind the transforms: arrays and numbers in, arrays out, no global state."""
