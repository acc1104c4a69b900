{# C. E. Shannon (1948), A mathematical theory of communication: log2(n) - sum(c * log2(c)) / n, in bits. #}
{% macro entropy(counts) -%}
    {%- set total = array_sum(counts) -%}
    {%- set weighted = 'aggregate(' ~ counts ~ ', double(0), (total, count) -> total + ' ~ times_log2('count') ~ ')' -%}
    case when {{ total }} > 0 then greatest(log2({{ total }}) - {{ weighted }} / {{ total }}, 0) end
{%- endmacro %}
