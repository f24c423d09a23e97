"""The sample catalogue: synthetic pictures of invented products, and phone photos as queries."""

from beautylens.sample.plan import SamplePlan, plan_sample
from beautylens.sample.write import SamplePaths, draw_plan, write_sample_catalogue

__all__ = ["SamplePaths", "SamplePlan", "draw_plan", "plan_sample", "write_sample_catalogue"]
