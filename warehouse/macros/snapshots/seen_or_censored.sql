{% macro seen_or_censored(outcome, is_observed) -%}
    case when {{ outcome }} then true when {{ is_observed }} then false end
{%- endmacro %}
