"""Every command that writes is a run: under the lock, on record, in a state folder that lies where it says."""
