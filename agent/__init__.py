"""The loop between the eyes and the hands: perceive, plan, act."""
