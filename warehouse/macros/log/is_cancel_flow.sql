{% macro is_cancel_flow(page) -%}
    {{ page }} in ('Cancel', 'Cancellation Confirmation')
{%- endmacro %}
