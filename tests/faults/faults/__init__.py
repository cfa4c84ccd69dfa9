"""
Faults, and what they cost the followers: numbered events are posted at a steady rate, one
thing breaks at a random moment, and what every follower has heard at the end is held
against what was accepted.
"""
