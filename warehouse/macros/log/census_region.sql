{# U.S. Census Bureau, Census Regions and Divisions of the United States. #}
{% macro census_region(state) -%}
    case
        when {{ state }} in ('CT', 'ME', 'MA', 'NH', 'RI', 'VT', 'NJ', 'NY', 'PA') then 'Northeast'
        when {{ state }} in ('IL', 'IN', 'MI', 'OH', 'WI', 'IA', 'KS', 'MN', 'MO', 'NE', 'ND', 'SD') then 'Midwest'
        when {{ state }} in (
            'DE', 'DC', 'FL', 'GA', 'MD', 'NC', 'SC', 'VA', 'WV', 'AL', 'KY', 'MS', 'TN', 'AR', 'LA', 'OK', 'TX'
        ) then 'South'
        when {{ state }} in ('AZ', 'CO', 'ID', 'MT', 'NV', 'NM', 'UT', 'WY', 'AK', 'CA', 'HI', 'OR', 'WA') then 'West'
        when {{ state }} is not null then 'Other'
    end
{%- endmacro %}
