"""Songs: the description of a song, and its composition as a lead sheet under the constraints of a style."""
