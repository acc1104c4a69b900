"""The protocol of the public Sparkify notebooks, beside the honest one."""
