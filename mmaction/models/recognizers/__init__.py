"""Complete models: preprocessing, backbone and head."""
