"""Expectations of our own, by Great Expectations' extension point for them: a metric measures, each judges its part."""
