"""Reports: figures of a month for those who mend causes. No complaint's word, no person."""
