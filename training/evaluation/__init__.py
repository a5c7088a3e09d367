"""What a bundle gets right and wrong: figures, reports, errors, curves."""
