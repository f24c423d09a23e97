"""From a recipe to its parts: the only room where settings meet constructors."""
