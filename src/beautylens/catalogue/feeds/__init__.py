"""Exports of shop systems and product feeds: which of their columns a catalogue has."""
