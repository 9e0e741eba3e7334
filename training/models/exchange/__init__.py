"""Encoders in and out: folders to publish, scikit-learn, ONNX."""
