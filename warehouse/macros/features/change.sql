{# The later half of a span against the earlier one: 1 is all in the later, -1 all in the earlier, 0 no change. #}
{% macro change(later, span, days) -%}
    case
        when days_since_first_event >= {{ days }}
            then coalesce({{ ratio('(2 * ' ~ later ~ ' - ' ~ span ~ ')', span) }}, 0)
    end
{%- endmacro %}
