"""Answers that people give in Slack: who they are by Slack's word, what they decide by the engine's
rules."""
