"""What runs on the device: recorder, perception engines, and the agent that serves device days."""
