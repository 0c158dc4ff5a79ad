"""Layers one after another (lesson 03)."""


class Sequential:
    """Layers one after another, trained as one (lesson 03).

    `params` and `grads` show those of all layers as "<place>.<name>", places counted from 0. They are the
    layers' own arrays: an optimizer that changes them in place trains the layers.

    >>> from convlab.layers import Dense, Flatten
    >>> sorted(Sequential([Flatten(), Dense(784, 10, rng=0)]).params)
    ['1.bias', '1.kernel']
    """

    def __init__(self, layers):
        self.layers = list(layers)

    def forward(self, x, training=False):
        """Return what the last layer makes of x."""
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, dy):
        """Return the gradient with respect to x; every layer's `grads` is filled."""
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    @property
    def params(self):
        """All layers' parameters."""
        return self._numbered("params")

    @property
    def grads(self):
        """All layers' gradients, under the names of their parameters."""
        return self._numbered("grads")

    def _numbered(self, attribute):
        dicts = [getattr(layer, attribute) for layer in self.layers]
        return {f"{place}.{name}": array for place, own in enumerate(dicts) for name, array in own.items()}
