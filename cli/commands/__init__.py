"""The commands, as typer has them: options, and what each calls. They import nothing slow before they run."""
