"""Pictures: from any file, photo or array to upright sRGB pixels of the size a network wants."""
