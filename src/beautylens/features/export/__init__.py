"""Export, import, quantisation and checks of encoder files."""
