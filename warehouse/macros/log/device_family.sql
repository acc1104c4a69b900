{# The order matters: an agent names several, and the first of these is the truest. #}
{% macro device_family(agent) -%}
    case
        when {{ agent }} like '%iPad%' then 'iPad'
        when {{ agent }} like '%iPhone%' then 'iPhone'
        when {{ agent }} like '%Macintosh%' then 'Macintosh'
        when {{ agent }} like '%Windows%' then 'Windows'
        when {{ agent }} like '%Linux%' then 'Linux'
        when {{ agent }} is not null then 'Other'
    end
{%- endmacro %}
