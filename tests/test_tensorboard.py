"""What `tf.summary` writes comes back through TensorBoard's own reader, and its server answers."""

import json
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
import tensorflow as tf

from convlab.notebook import tensorboard


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of event files with two scalars, a histogram, images and a graph."""
    place = tmp_path_factory.mktemp("events")
    twice = tf.function(lambda x: 2.0 * tf.nn.relu(x)).get_concrete_function(tf.TensorSpec([3]))
    with tf.summary.create_file_writer(str(place)).as_default() as writer:
        for step in range(30):
            tf.summary.scalar("training/loss", 1 / (1 + step), step)
        tf.summary.scalar("validation/loss", 0.25, 29)
        tf.summary.histogram("weights", [-1.0, 0.0, 0.0, 3.0], step=7)
        tf.summary.image("digits", np.linspace(0, 1, 2 * 4 * 5).reshape(2, 4, 5, 1), step=29)
        tf.summary.graph(twice.graph)
        writer.close()
    return place


def test_scalars_come_back_at_their_steps_all_of_them(folder):
    found = tensorboard.read(folder)
    assert sorted(found) == ["digits", "training/loss", "validation/loss", "weights"]
    assert list(found["training/loss"]) == list(range(30))
    np.testing.assert_allclose(list(found["training/loss"].values()), 1 / np.arange(1, 31), rtol=1e-6)
    assert found["validation/loss"] == {29: 0.25}


def test_histogram_and_images_come_back(folder):
    found = tensorboard.read(folder)
    buckets = found["weights"][7]
    assert buckets[:, 2].sum() == 4 and buckets[0, 0] == -1 and buckets[-1, 1] == 3
    expected = np.repeat(np.linspace(0, 1, 40).reshape(2, 4, 5, 1), 3, axis=3)
    np.testing.assert_allclose(found["digits"][29], expected, atol=1 / 255)  # a PNG has bytes


def test_graph_comes_back_with_its_operations(folder):
    assert "Relu" in tensorboard.graph(folder).values()


def test_folder_without_events_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no event files"):
        tensorboard.read(tmp_path)


def test_tensorboard_s_server_knows_the_tag_and_the_frame_points_to_it(folder):
    frame = tensorboard.live(folder)
    with urllib.request.urlopen(f"{frame.src}data/plugin/scalars/tags", timeout=60) as answer:
        tags = json.load(answer)
    assert "training/loss" in str(tags)


def test_server_ends_with_its_kernel_even_if_that_is_killed(tmp_path):
    program = (
        "import sys, time; from convlab.notebook import tensorboard;"
        "print(tensorboard.serve(sys.argv[1]), flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as kernel:
        address = kernel.stdout.readline().strip()
        urllib.request.urlopen(address, timeout=60).close()
        kernel.kill()
    with pytest.raises(OSError):
        for _ in range(300):
            urllib.request.urlopen(address, timeout=60).close()
            time.sleep(0.2)


def test_what_hinders_the_server_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard, "SERVE", "raise OSError('no port is free')")
    with pytest.raises(RuntimeError, match="no port is free"):
        tensorboard.serve(tmp_path)
