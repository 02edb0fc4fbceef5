"""What FreePBX needs so that its calls reach agents: shown, written, and taken away again."""
