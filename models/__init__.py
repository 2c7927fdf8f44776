"""What are the chances, the money and the goal: maths on arrays, no input or output."""
