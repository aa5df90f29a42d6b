"""What MMEngine's Runner lacks: hooks, an optimizer wrapper for the CPU, start-up checks, safe checkpoints."""
