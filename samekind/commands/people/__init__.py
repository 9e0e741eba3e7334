"""Commands about what people say of images."""
