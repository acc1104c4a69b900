"""`sparkhouse sql`: what may be asked, how it is asked, and what comes back."""
