"""The staff console at /staff: who may come in, what they may see, and the pages.

To add a page: write a module with a `Section` in pages/, a template beside the others, and name the section in site.py. What a route
demands, and what the audit log calls it, stand in its one declaration; see visit.py.
"""
