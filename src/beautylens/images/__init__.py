"""Images: decoding into upright sRGB pixels, resizing, drawing and simulated phone photos."""
