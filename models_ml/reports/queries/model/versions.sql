select
    model_version,
    trained_at,
    algorithm,
    is_chosen,
    test_from,
    test_to,
    test_rows,
    test_positives,
    map_filter(metrics, (name, value) -> not contains(name, '.')) as metrics,
    promotion_reason
from ml.model_versions
where label = '{label}'
order by trained_at desc
