{# C. E. Shannon (1948), A mathematical theory of communication: log2(n) - sum(c * log2(c)) / n, in bits. #}
{% macro entropy(counts) -%}
    {%- set total, weighted = '(' ~ counts | join(' + ') ~ ')', [] -%}
    {%- for count in counts -%}
        {%- do weighted.append(times_log2(count)) -%}
    {%- endfor -%}
    case when {{ total }} > 0 then greatest(log2({{ total }}) - ({{ weighted | join(' + ') }}) / {{ total }}, 0) end
{%- endmacro %}
