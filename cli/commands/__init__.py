"""The commands, as typer has them: options, and what each calls. They import no job before they run one."""
