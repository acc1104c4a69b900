{# The model's query as a view of this session. `spark.sql.legacy.storeAnalyzedPlanForView` lets Spark keep its plan:
   the columns are told and the rows are written without analysing the query again, which of a wide model takes
   longest. #}
{% macro built_view() -%}
    {{ return('`built_' ~ this.schema ~ '_' ~ this.identifier ~ '`') }}
{%- endmacro %}
