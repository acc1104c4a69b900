{% macro is_known_page(page) -%}
    {{ page }} in ('{{ known_pages() | join("', '") }}')
{%- endmacro %}
