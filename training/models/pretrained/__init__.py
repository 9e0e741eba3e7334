"""Pretrained backbones: names, weights, preprocessing."""
