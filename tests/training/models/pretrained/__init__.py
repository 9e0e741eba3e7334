"""Tests of pretrained models."""
