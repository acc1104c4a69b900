"""What became of a model after its training: how its inputs moved, and how its predictions came out."""
