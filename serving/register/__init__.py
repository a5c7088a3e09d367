"""The register of cases: what was answered is kept, linked, reviewed, audited and forgotten."""
