"""The published networks at ImageNet size, their versions for CIFAR-10, and small ones for MNIST, in Keras.

Every builder but `squeezenet`, `squeeze_unet` and `vgg_trunk`, which come trained, returns an untrained
`keras.Model` that takes normalised float images (N, H, W, C) and ends in logits. The networks of lesson 19
take pixels from 0 to 255 and end in logits for each pixel; lesson 20's takes maps and words. `text_cnn`
takes numbers of words, `policy_value` takes boards and has two heads; lesson 24's take pictures of a game
and end in a value for each action; lesson 22's takes a photograph and ends in a picture. Layers are called
as in the papers.
Only `normalization` and `gelu` call TensorFlow itself, to be fast on a CPU; all else is Keras. "Same"
padding is TensorFlow's: with stride 2 it adds more at the bottom right, so that weights trained elsewhere do
not fit without explicit padding (lesson 06).
"""

from convlab.networks.alexnet import LocalResponseNormalization, alexnet, cifar_alexnet
from convlab.networks.blocks import (
    convolution,
    dense,
    dense_head,
    logits,
    normalized_convolution,
    normalized_dense,
)
from convlab.networks.captioning import attentive_captioner, captioner, finder
from convlab.networks.dcgan import dcgan_discriminator, dcgan_generator
from convlab.networks.fast import cifar_fast, whiten, whitening_kernels
from convlab.networks.gelu import gelu
from convlab.networks.googlenet import INCEPTIONS, cifar_googlenet, googlenet, inception
from convlab.networks.lenet import lenet5
from convlab.networks.mnist import mnist_conv, mnist_deep, mnist_dense, mnist_fast
from convlab.networks.normalization import FusedBatchNormalization
from convlab.networks.outline import outline
from convlab.networks.page import from_page
from convlab.networks.players import atari_dqn, lecture_dqn, small_dqn
from convlab.networks.policy_value import policy_value
from convlab.networks.pretrained import squeezenet, vgg_trunk
from convlab.networks.resnet import (
    PaddedShortcut,
    cifar_resnet,
    padded,
    projected,
    residual_block,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
)
from convlab.networks.segmentation import fcn, segnet, squeeze_unet, unet
from convlab.networks.sentences import text_cnn
from convlab.networks.style_transfer import style_network
from convlab.networks.vgg import cifar_vgg, vgg16, vgg19

__all__ = [
    "INCEPTIONS",
    "FusedBatchNormalization",
    "LocalResponseNormalization",
    "PaddedShortcut",
    "alexnet",
    "atari_dqn",
    "attentive_captioner",
    "captioner",
    "cifar_alexnet",
    "cifar_fast",
    "cifar_googlenet",
    "cifar_resnet",
    "cifar_vgg",
    "convolution",
    "dcgan_discriminator",
    "dcgan_generator",
    "dense",
    "dense_head",
    "fcn",
    "finder",
    "from_page",
    "gelu",
    "googlenet",
    "inception",
    "lecture_dqn",
    "lenet5",
    "logits",
    "mnist_conv",
    "mnist_deep",
    "mnist_dense",
    "mnist_fast",
    "normalized_convolution",
    "normalized_dense",
    "outline",
    "padded",
    "policy_value",
    "projected",
    "residual_block",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "segnet",
    "small_dqn",
    "squeeze_unet",
    "squeezenet",
    "style_network",
    "text_cnn",
    "unet",
    "vgg16",
    "vgg19",
    "vgg_trunk",
    "whiten",
    "whitening_kernels",
]
