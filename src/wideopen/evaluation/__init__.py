"""How good a model is: metrics, protocol, reports."""
