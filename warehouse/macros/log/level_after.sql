{# The row that submits a change still shows the level it leaves; the change is in force from that moment on. The Cancel
   flow tells nothing. #}
{% macro level_after(page, level) -%}
    case
        when {{ page }} = 'Submit Upgrade' then 'paid'
        when {{ page }} = 'Submit Downgrade' then 'free'
        when not {{ is_cancel_flow(page) }} then {{ level }}
    end
{%- endmacro %}
