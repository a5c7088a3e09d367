"""An insurer's own taxonomy: looked through, compared with another, rows migrated to it."""
