"""What people and machines are shown, as values."""
