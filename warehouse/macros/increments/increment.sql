{# What a build adds to the tables as they are published: the first date of each kind of rows that new events touch, and
   the ingested_at of the newest line that the tables hold. None where all rows are made anew, as those of the models are
   that it lists as whole. The command line tells it, in a variable of the environment. Unit tests are of whole models. #}
{% macro increment() -%}
    {{ return(increment_of(model.name) if execute and model.resource_type == 'model' else none) }}
{%- endmacro %}
