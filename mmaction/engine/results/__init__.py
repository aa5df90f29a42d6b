"""What a test leaves behind."""
