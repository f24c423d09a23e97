"""From a recipe to the parts it names: the only room where settings meet constructors."""
