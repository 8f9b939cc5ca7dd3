"""The replay of a training: which runs there are, their pictures, and the component."""
