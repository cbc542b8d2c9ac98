"""What the OpenAPI schema has beyond what the views say: hooks of drf-spectacular."""
