"""The process: CPU cores, native libraries, start-up, optional packages."""
