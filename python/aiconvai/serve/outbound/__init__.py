"""Calls that go out: one, or lists of people; through an Asterisk with the module, or one of the gateway's."""
