{# All pages that are known, and the only ones that features, labels and marts count. A page of a measure is listed with
   it; whoever adds a page here or there, adds it for all models. #}
{% macro known_pages() -%}
    {{ return(
        page_measures().values() | list
        + ['Login', 'Register', 'Submit Registration', 'Cancel', 'Cancellation Confirmation']
    ) }}
{%- endmacro %}
