"""In which order plugins are asked: their own wishes and the owner's word."""
