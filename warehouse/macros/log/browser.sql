{# The order matters: Chrome also calls itself Safari. #}
{% macro browser(agent) -%}
    case
        when {{ agent }} like '%MSIE%' or {{ agent }} like '%Trident%' then 'Internet Explorer'
        when {{ agent }} like '%Firefox%' then 'Firefox'
        when {{ agent }} like '%Chrome%' then 'Chrome'
        when {{ agent }} like '%Safari%' then 'Safari'
        when {{ agent }} is not null then 'Other'
    end
{%- endmacro %}
