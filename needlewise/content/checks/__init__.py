"""What `needlewise check` looks for: one module a family of rules, each a function from the tree to its findings."""
