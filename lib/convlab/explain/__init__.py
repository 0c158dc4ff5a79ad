"""What a trained network responds to, and why it answers as it does (lessons 10 and 15).

Importing this package does not import TensorFlow.

Models are Keras on TensorFlow, logits out; images are what the model is fed: (N, H, W, C), standardized.
"""

from convlab.explain.adversarial import fgsm
from convlab.explain.gradcam import grad_cam
from convlab.explain.gradients import agreement, kernel_gradients
from convlab.explain.maps import activation_maps, exciting
from convlab.explain.occlusion import occlusion_map

__all__ = [
    "activation_maps",
    "agreement",
    "exciting",
    "fgsm",
    "grad_cam",
    "kernel_gradients",
    "occlusion_map",
]
