"""Many at once: batches, refusals in time, a switch of models under load; and a network exported."""

import asyncio
import re
import socket
import threading

import numpy as np
import pytest
import requests
from fastapi import FastAPI, Response
from prometheus_client.parser import text_string_to_metric_families
from serving_tools import mnist, seven

from convlab.serving import load, models
from convlab.serving.batching import Batcher
from convlab.serving.errors import Refused
from convlab.serving.local import Local, Server
from convlab.serving.service import BUNDLED
from convlab.serving.settings import Settings

FREE = {"rate": 1e6, "burst": 10**6}


def test_batches_give_each_picture_its_own_answer():
    images, labels = mnist(100)
    model, sizes = models.load(BUNDLED, "1"), []

    async def all_at_once():
        batcher = Batcher(size=32, observe=sizes.append)
        batcher.start()
        answers = await asyncio.gather(*(batcher.answer(model, image) for image in images))
        await batcher.stop()
        return answers

    answers = asyncio.run(all_at_once())
    alone = [model(image[None])[0][0] for image in images]
    np.testing.assert_allclose([shares for shares, _ in answers], alone, atol=1e-5)
    assert sum(sizes) == 100
    assert max(sizes) == 32
    assert np.mean([shares.argmax() for shares, _ in answers] == labels) > 0.95


def test_two_models_in_one_batch_do_not_mix():
    images, _ = mnist(40)
    both = [models.load(BUNDLED, version) for version in ("1", "2")]

    async def all_at_once():
        batcher = Batcher()
        batcher.start()
        return await asyncio.gather(*(batcher.answer(both[n % 2], image) for n, image in enumerate(images)))

    for n, (image, (shares, _)) in enumerate(zip(images, asyncio.run(all_at_once()))):
        np.testing.assert_allclose(shares, both[n % 2](image[None])[0][0], atol=1e-5)


def test_too_many_are_refused_at_once_and_those_who_wait_too_long_later():
    model, image = models.load(BUNDLED, "1"), mnist(1)[0][0]

    async def crowd():
        batcher = Batcher(waiting=3, patience=-1)
        tasks = [asyncio.create_task(batcher.answer(model, image)) for _ in range(5)]
        await asyncio.sleep(0)
        refused = [task for task in tasks if task.done()]
        batcher.start()
        return len(refused), await asyncio.gather(*tasks, return_exceptions=True)

    at_once, answers = asyncio.run(crowd())
    assert at_once == 2
    assert all(
        isinstance(answer, Refused) and (answer.status, answer.retry) == (503, 1) for answer in answers
    )


def test_an_error_of_the_pass_is_the_answer_of_its_pictures_and_the_next_pass_works():
    model, image = models.load(BUNDLED, "1"), mnist(1)[0][0]

    async def both():
        batcher = Batcher()
        batcher.start()
        wrong = await asyncio.gather(batcher.answer(model, image[:5]), return_exceptions=True)
        return wrong[0], await batcher.answer(model, image)

    wrong, (shares, _) = asyncio.run(both())
    assert isinstance(wrong, Exception)
    assert shares.argmax() == 7


def test_beyond_what_it_can_answer_it_refuses_and_says_when_to_come_again():
    with Local(Settings(waiting=4, **FREE)) as service:
        header = service.log_in() | {"Content-Type": "image/png"}
        found = load.ask(f"{service.url}/predict", header, seven(), 64, 2)
    assert set(found.statuses) == {200, 503}
    assert found.retry_after == found.statuses[503]


def test_no_request_fails_while_versions_change():
    with Local(Settings(**FREE)) as service:
        header = service.log_in()
        found = []
        sent = header | {"Content-Type": "image/png"}
        asking = threading.Thread(
            target=lambda: found.append(load.ask(f"{service.url}/predict", sent, seven(), 4, 3))
        )
        asking.start()
        for version in "2121":
            body = {"active": version, "canary": "2", "share": 0.5}
            said = requests.put(f"{service.url}/models", headers=header, json=body, timeout=60)
            assert said.json() == {"versions": ["1", "2"], **body}
        asking.join()
    assert set(found[0].statuses) == {200}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_answer_does_not_wait_for_the_client_to_acknowledge_its_head(host):
    from convlab.serving.__main__ import _listen

    try:
        listening = _listen(host, 0)
    except OSError as error:
        pytest.skip(f"no address {host} on this machine: {error}")
    assert at_once(listening)
    # the planted fault: a socket as create_server makes it
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    assert not at_once(socket.create_server((host, 0), family=family))


def at_once(listening: socket.socket) -> bool:
    """Return whether asyncio sends small packets at once on the connections of this socket."""

    async def connect():
        accepted = asyncio.get_running_loop().create_future()
        server = await asyncio.start_server(lambda _, writer: accepted.set_result(writer), sock=listening)
        async with server:
            _, ours = await asyncio.open_connection(*listening.getsockname()[:2])
            theirs = await accepted
            option = theirs.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            ours.close()
            theirs.close()
        return bool(option)

    return asyncio.run(connect())


def test_the_service_is_measured_by_one_command(capsys):
    from convlab.serving import bench

    assert bench.main(["--connections", "2", "--seconds", "0.5", "--requests", "20"]) == 0
    speeds, ratio, memory = capsys.readouterr().out.rsplit("\n\n", 2)
    for name, row in zip(("naive", "service"), speeds.split("\n")[-2:], strict=True):
        assert row.split()[0] == name
        connections, rate, p50, p99, _, errors = map(float, row.split()[1:])
        assert (connections, errors) == (2, 0)
        assert rate > 0 and 0 < p50 <= p99
    assert re.search(r"naive: [\d.]+ answers a second at best, with a p99 of \d+ ms\nservice: ", ratio)
    answers = [float(row.split()[0]) for row in memory.strip().split("\n")[2:]]
    assert answers[0] == 0 and answers[-1] >= 20
    assert all(float(row.split()[1]) > 10 for row in memory.strip().split("\n")[2:])


def answered(service, header) -> dict[str, float]:
    """Return how many predictions each version has made, as /metrics says."""
    text = requests.get(f"{service.url}/metrics", headers=header, timeout=60).text
    [family] = [one for one in text_string_to_metric_families(text) if one.name == "predictions"]
    counts = dict.fromkeys("12", 0.0)
    for sample in family.samples:
        if sample.name == "predictions_total":
            counts[sample.labels["model"]] += sample.value
    return counts


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_under_load_a_canary_answers_its_share_and_none_once_it_is_taken_back(share):
    with Local(Settings(**FREE)) as service:
        header = service.log_in()
        sent = header | {"Content-Type": "image/png"}
        for body in ({"active": "1", "canary": "2", "share": share}, {"active": "1"}):
            said = requests.put(f"{service.url}/models", headers=header, json=body, timeout=60)
            assert said.status_code == 200, said.text
            before = answered(service, header)
            found = load.ask(f"{service.url}/predict", sent, seven(), 8, 1.5)
            assert set(found.statuses) == {200}
            counts = {name: count - before[name] for name, count in answered(service, header).items()}
            total, wanted = sum(counts.values()), body.get("share", 0)
            assert total == found.statuses[200] > 20
            error = (total * wanted * (1 - wanted)) ** 0.5  # standard deviation of a binomial count
            assert abs(counts["2"] - total * wanted) <= 4 * error


def test_the_time_of_a_client_that_was_refused_counts_from_its_first_try():
    answers, app = [], FastAPI()

    @app.post("/")
    async def refuse_the_first():
        answers.append(503 if not answers else 200)
        return Response(status_code=answers[-1], headers={"Retry-After": "0.3"})

    with Server(app) as server:
        found = load.ask(server.url, {}, b"", 1, 3)
    assert found.statuses[503] == 1
    assert len(found.since_first) == len(found.took) == found.statuses[200] > 0
    assert found.since_first[0] >= 0.3 + found.took[0]
    assert found.percentile(1, first=True) == max(found.since_first)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_a_canary_answers_its_share(share):
    rollout = models.Rollout(BUNDLED)
    rollout.draw.seed(0)
    rollout.set("1", "2", share)
    chosen = [rollout.choose().version for _ in range(4000)].count("2") / 4000
    assert abs(chosen - share) < 0.03  # four standard deviations at most


def test_an_exported_network_answers_as_the_network_does(tmp_path):
    pytest.importorskip("tf2onnx")
    from convlab import networks, runs
    from convlab.serving import export

    images, labels = mnist(50)
    trained = runs.load_weights(networks.mnist_fast(), "mnist-994")
    path = export.write(
        export.with_pixels(trained, (33.318421, 78.56749)), tmp_path, "1", images[0], labels[0]
    )
    bundled, made = models.load(BUNDLED, "1"), models.load(tmp_path, "1")
    for ours, theirs in zip(made(images), bundled(images)):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    small = export.quantized(path, images)
    assert len(small) < 0.5 * path.stat().st_size
    export.write_bytes(small, tmp_path, "2", images[0], labels[0])
    assert models.load(tmp_path, "2")(images)[0].argmax(axis=1).tolist() == labels.tolist()
