"""The encoder: backbones, whitening, the momentum encoder and its queue."""
