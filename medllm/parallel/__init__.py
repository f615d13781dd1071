"""A model spread over devices: how it is loaded, kept, saved and put together again."""
