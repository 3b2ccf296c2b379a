"""Perception engines: frames in, instances with box, embedding and behaviour out."""
