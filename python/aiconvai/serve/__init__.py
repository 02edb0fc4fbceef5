"""What stands beside Asterisk: what happened in every call, remembered, shown, measured and acted upon."""
