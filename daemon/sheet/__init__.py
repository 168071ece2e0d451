"""`jamd sheet`: a song as a lead sheet, an engraved page, the arrangement of the band and a recording."""
