"""From a training set to a model version: classifiers, resampling, search, fits, and their form without Spark."""
