"""What the module costs and how fast it is, measured on this machine: delay, spacing, silence, processor, memory."""
