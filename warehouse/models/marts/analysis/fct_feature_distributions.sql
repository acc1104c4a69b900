-- One row per snapshot date, feature that is a number or a boolean, and outcome: how its values are distributed.
{% set feature_names = number_features() %}
{% set outcomes = {'everyone': 'true', 'churned': 'is_churned', 'stayed': 'not is_churned'} %}
{% set literals = {'everyone': 'cast(null as boolean)', 'churned': 'true', 'stayed': 'false'} %}
{% set by_feature = 'partition by as_of_date, feature_place' %}
{% set up_to_value = by_feature ~ ' order by rounded_value rows unbounded preceding' %}
with

features as (
    select * from {{ ref('fct_user_features') }}
),

labels as (
    select * from {{ ref('fct_churn_labels') }}
),

-- Of rows this wide Spark makes no code: only the array goes on, and is taken apart in code.
packed as (
    select
        features.as_of_date,
        labels.{{ default_label() }} as is_churned,
        array(
            {% for name in feature_names %}
                cast(features.{{ name }} as double){{ ',' if not loop.last }}
            {% endfor %}
        ) as feature_values
    from features
    left join labels
        on
            features.user_id = labels.user_id
            and features.as_of_date = labels.as_of_date
),

cells as (
    select
        as_of_date,
        is_churned,
        posexplode(feature_values) as (feature_place, feature_value)
    from packed
),

-- To three digits, the values of many users are few: these are sorted, and summed up in their order.
rounded as (
    select
        *,
        case
            when feature_value != rint(feature_value) then pow(10, 2 - floor(log10(abs(feature_value))))
        end as factor,
        coalesce(rint(feature_value * factor) / factor, feature_value) as rounded_value
    from cells
),

counted as (
    select
        {% for outcome, is_counted in outcomes.items() %}
            count_if({{ is_counted }}) as {{ outcome }}_count,
            count(case when {{ is_counted }} then feature_value end) as {{ outcome }}_value_count,
        {% endfor %}
        as_of_date,
        feature_place,
        rounded_value
    from rounded
    group by as_of_date, feature_place, rounded_value
),

running as (
    select
        {% for outcome in outcomes %}
            sum({{ outcome }}_value_count) over ({{ by_feature }}) as {{ outcome }}_value_total,
            sum({{ outcome }}_value_count) over ({{ up_to_value }}) as {{ outcome }}_so_far,
        {% endfor %}
        *
    from counted
),

summed as (
    select
        as_of_date,
        feature_place,
        inline(array(
            {% for outcome in outcomes %}
                struct(
                    {{ literals[outcome] }},
                    sum({{ outcome }}_count),
                    sum({{ outcome }}_value_count),
                    sum({{ outcome }}_value_count * rounded_value),
                    sum({{ outcome }}_value_count * rounded_value * rounded_value),
                    array(
                        {% for share in [0.05, 0.25, 0.5, 0.75, 0.95] %}
                            {% set is_reached = outcome ~ '_so_far >= ' ~ share ~ 'D * ' ~ outcome ~ '_value_total' %}
                            min(case when {{ is_reached }} then rounded_value end){{ ',' if not loop.last }}
                        {% endfor %}
                    )
                ){{ ',' if not loop.last }}
            {% endfor %}
        )) as (is_churned, user_count, value_count, total, squares, quantiles)
    from running
    group by as_of_date, feature_place
),

-- Of values that are all the same, rounding alone is left of the squares.
measured as (
    select
        *,
        squares - total * total / nullif(value_count, 0) as squares_around_mean
    from summed
),

feature_distributions as (
    select
        as_of_date,
        array('{{ feature_names | join("', '") }}')[feature_place] as feature,
        is_churned,
        user_count,
        user_count - value_count as null_count,
        total / nullif(value_count, 0) as mean,
        case
            when value_count > 1 and squares_around_mean <= 1e-12 * squares then 0
            when value_count > 1 then sqrt(squares_around_mean / (value_count - 1))
        end as deviation,
        case when value_count > 0 then quantiles end as quantiles
    from measured
    where user_count > 0
)

select * from feature_distributions
