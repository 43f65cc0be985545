"""What leaves for good, and when: retention, legal holds, and one patient's export and erasure."""
