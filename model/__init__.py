"""The eyes and the mouth: messages in, text out."""
