"""Notes ↔ the numbers that models read and write; shared with export_tools."""
