"""Linear readers over words and characters: the floor that a network must beat."""
