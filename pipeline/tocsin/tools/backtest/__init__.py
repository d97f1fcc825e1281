"""What a detector would have said of recorded series, and what that is worth."""
