"""What programs of others import: `import sparkhouse`."""
