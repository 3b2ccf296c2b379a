"""The run around the stages: retrain, reproduce, ablate. A stage knows nothing of it, and it knows nothing of a stage
but what ``dvc.yaml`` says and where results lie (`herdbook.learning.retrain.pipeline`)."""
