"""The pages: one module a section, each with a `section` that site.py names."""
