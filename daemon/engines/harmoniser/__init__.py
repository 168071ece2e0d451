"""The engine `harmoniser`: four-part harmony for live keys or a known melody."""
