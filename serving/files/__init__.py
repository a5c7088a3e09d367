"""Files scored and linked: one answer a row, in input order."""
