"""What every package may import: truths that stand in one place only. This package imports nothing else of ours."""
