"""The engine `drums`: a drummer that continues a groove."""
