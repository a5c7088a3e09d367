"""From labelled records and an encoder to a bundle."""
