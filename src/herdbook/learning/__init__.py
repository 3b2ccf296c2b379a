"""What models are made of and judged by: formats and metrics; datasets, distillation, gates and registry follow."""
