"""Voices: what makes sound of sentences, and what spells a sentence for the ear before."""
