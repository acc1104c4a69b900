"""What is wrong with the machine or the state folder, in words, with what to do about it."""
