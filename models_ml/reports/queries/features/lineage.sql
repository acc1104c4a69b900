select
    feature,
    array_join(array_sort(collect_set(concat_ws('.', raw_table, raw_column))), ', ') as raw_columns
from monitoring.feature_lineage
group by feature
order by feature
