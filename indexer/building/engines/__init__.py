"""Who decodes the images of a build and runs them through the encoder: this process, or workers that Ray has."""
