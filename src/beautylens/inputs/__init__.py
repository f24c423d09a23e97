"""What callers and strangers pass in: counts, lone strings, Unicode text."""
