"""A kind audio, and a WAV transform: gain, normalise, reverse, mono."""
