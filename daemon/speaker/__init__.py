"""The process with the audio stream: mixes what the instruments render, and feeds the audio device."""
