"""How a task is handled: pure rules about who, when and how many."""
