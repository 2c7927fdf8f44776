"""What will a period bring, and how likely is its target? One joint simulation and what is read off it."""
