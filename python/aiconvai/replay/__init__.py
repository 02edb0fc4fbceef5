"""A recorded call, given to the engine once more."""
