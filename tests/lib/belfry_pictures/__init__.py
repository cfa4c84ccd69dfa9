"""Other people's clients, running without a screen: how docs/pictures are taken."""
