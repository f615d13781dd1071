"""What a model is taught with: one Lightning module a stage, around a pure loss."""
