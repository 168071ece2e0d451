"""Lead sheets as files: MusicXML and chord charts."""
