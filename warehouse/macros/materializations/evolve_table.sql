{# A column of a mart, which is public, leaves, or takes a type that it cannot widen to, only when `--full-refresh` says
   so; even then Iceberg keeps its old values readable in the table's older snapshots. Of a table that only models read,
   the columns are what these need. #}
{% macro evolve_table(relation, columns) -%}
    {%- set existing, added, changes = described_columns(relation), [], [] -%}
    {%- for column in columns -%}
        {%- set old = existing.pop(column.name, none) -%}
        {%- if old is none -%}
            {%- do added.append(column) -%}
        {%- elif (old.dtype, column.dtype) in [('int', 'bigint'), ('float', 'double')] -%}
            {%- do changes.append('alter column ' ~ column.quoted ~ ' type ' ~ column.dtype) -%}
        {%- elif old.dtype != column.dtype -%}
            {%- do existing.update({column.name: old}) -%}
            {%- do added.append(column) -%}
        {%- elif old.comment != column_comment(column) -%}
            {%- set comment = escape_single_quotes(column_comment(column)) -%}
            {%- do changes.append('alter column ' ~ column.quoted ~ " comment '" ~ comment ~ "'") -%}
        {%- endif -%}
    {%- endfor -%}

    {%- if existing and model.access == 'public' and not should_full_refresh() -%}
        {{ exceptions.raise_compiler_error(
            relation ~ " would lose or retype " ~ existing | join(', ') ~ ": `sparkhouse build --full-refresh` allows it, on a branch and after the audit."
        ) }}
    {%- elif existing -%}
        {%- do changes.append('drop columns (`' ~ existing | join('`, `') ~ '`)') -%}
    {%- endif -%}
    {%- if added and is_backfill() -%}
        {{ exceptions.raise_compiler_error(
            relation ~ " lacks " ~ added | map(attribute='name') | join(', ') ~ ", which a backfill would leave empty in"
            ~ " the dates that it keeps: build all dates first, without --from and --to."
        ) }}
    {%- elif added -%}
        {%- do changes.append('add columns (' ~ column_definitions(added) ~ ')') -%}
    {%- endif -%}
    {%- if 'Comment: ' ~ model.description | trim not in relation.information -%}
        {%- do changes.append("set tblproperties ('comment' = '" ~ escape_single_quotes(model.description) ~ "')") -%}
    {%- endif -%}
    {%- for change in changes -%}
        {%- do run_query('alter table ' ~ relation ~ ' ' ~ change) -%}
    {%- endfor -%}
{%- endmacro %}
