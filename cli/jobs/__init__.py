"""What commands do, step by step: on the session, in the state folder, on record."""
