"""The process: CPU cores, threads, native libraries, start-up, optional packages."""
