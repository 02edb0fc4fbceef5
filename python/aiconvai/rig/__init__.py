"""For developers: Asterisk in containers, a caller that measures, benchmarks and demonstrations."""
