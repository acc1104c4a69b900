"""The model job: training sets, MLlib pipelines, evaluation by time, prediction. It never builds a SparkSession."""
