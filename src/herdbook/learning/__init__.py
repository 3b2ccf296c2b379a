"""What models are made of and judged by: formats, datasets, targets, metrics, evaluation, registry; training later."""
