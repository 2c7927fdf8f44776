"""How is a number seen? One picture with four faces: SVG, a sentence, a table and a native Excel chart."""
