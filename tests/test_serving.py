"""The service of lesson 26: the lecture's two lines, accounts, sessions, stored pictures, models."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import requests
from PIL import Image
from serving_tools import file_of, mnist, seven

from convlab.serving.local import Local
from convlab.serving.service import BUNDLED
from convlab.serving.settings import Settings

TIMEOUT = 60
PASSWORD = "a long password"


@pytest.fixture(scope="module")
def running():
    """Return a service that runs for all tests of this module, its limit on attempts out of the way."""
    with Local(Settings(logins=1000)) as service:
        yield service


@pytest.fixture(scope="module")
def admin(running):
    """Return the administrator's header."""
    return running.log_in()


def post(running, path, header=None, **more):
    return requests.post(running.url + path, headers=header, timeout=TIMEOUT, **more)


def get(running, path, header=None):
    return requests.get(running.url + path, headers=header, timeout=TIMEOUT)


def add_user(running, admin, name):
    """Add a user and return the header of a session."""
    added = post(running, "/users", admin, json={"user": name, "password": PASSWORD})
    assert added.status_code == 201, added.text
    return running.log_in(name, PASSWORD)


def test_first_start_shows_a_password_once_and_the_two_lines_of_the_lecture_work(tmp_path):
    home, picture = tmp_path / "home", tmp_path / "seven.png"
    picture.write_bytes(seven())
    command = [sys.executable, "-m", "convlab.serving", "--home", str(home), "--port", "0"]
    shown = []
    for _ in range(2):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            said = ""
            while "/predict" not in said:
                line = process.stdout.readline()
                assert line, process.stderr.read()
                said += line
            shown.append(said)
        finally:
            process.terminate()
            process.communicate(timeout=60)
    assert "user      admin" in shown[0]
    assert "password  " in shown[0]
    assert "password  " not in shown[1]
    password = shown[0].partition("password  ")[2].split()[0]
    for file in home.rglob("*"):
        assert not file.is_file() or password.encode() not in file.read_bytes(), file
    with Local(home=home) as service:
        assert service.password == ""
        body = json.dumps({"user": "admin", "password": password})
        if curl := shutil.which("curl"):
            said = subprocess.run(
                [curl, "-s", "-d", body, f"{service.url}/login"], capture_output=True, check=True
            )
            token = json.loads(said.stdout)["token"]
            line = [curl, "-s", "-H", f"Authorization: Bearer {token}", "-F", f"image=@{picture}"]
            said = subprocess.run([*line, f"{service.url}/predict"], capture_output=True, check=True)
            answer = json.loads(said.stdout)
        else:
            token = service.log_in("admin", password)
            answer = post(service, "/predict", token, files={"image": picture.open("rb")}).json()
    assert answer["label"] == 7
    assert answer["confidence"] > 0.9


@pytest.mark.parametrize("form", ["multipart", "raw", "base64", "untyped"])
def test_a_picture_may_come_in_each_form(running, admin, form):
    if form == "multipart":
        answer = post(running, "/predict", admin, files={"anything": ("7.png", seven(), "image/png")})
    elif form == "base64":
        import base64

        answer = post(running, "/predict", admin, json={"image": base64.b64encode(seven()).decode()})
    else:
        kind = {"raw": "image/png", "untyped": "application/x-www-form-urlencoded"}[form]
        answer = post(running, "/predict", admin | {"Content-Type": kind}, data=seven())
    assert answer.status_code == 200, answer.text
    assert answer.json()["label"] == 7


def test_answers_are_those_of_the_network_with_grad_cam_as_heat(running, admin):
    from convlab import networks, runs
    from convlab.explain import grad_cam

    images, labels = mnist(10)
    model = runs.load_weights(networks.mnist_fast(), "mnist-994")
    standardized = ((images[..., None] - 33.318421) / 78.56749).astype("float32")
    logits = np.asarray(model(standardized))
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    heat = grad_cam(model, "conv4_relu", standardized, labels)
    for image, label, wanted, map_ in zip(images, labels, shares, heat):
        said = post(running, "/predict", admin, files={"image": file_of(Image.fromarray(image))}).json()
        assert said["label"] == label
        assert said["image"] == image.tolist()
        np.testing.assert_allclose(said["probabilities"], wanted, atol=1e-5)
        np.testing.assert_allclose(said["heat"], map_, atol=1e-4)


def test_photographs_of_a_digit_are_read(running, admin):
    images, labels = mnist(20)
    right = 0
    for image, label in zip(images, labels):
        large = Image.fromarray(255 - image).resize((280, 280), Image.Resampling.BICUBIC)
        sheet = Image.new("RGB", (500, 700), (240, 238, 230))  # dark ink, somewhere on a sheet
        sheet.paste(large.convert("RGB").point(lambda value: value * 235 // 255), (150, 60))
        said = post(running, "/predict", admin, files={"image": file_of(sheet, "JPEG")}).json()
        right += said["label"] == label
    assert right >= 17  # one class for all: 4


def test_a_picture_lying_on_its_side_is_turned_as_the_camera_says(running, admin):
    image = Image.fromarray(mnist(1)[0][0]).resize((140, 140))
    turned = image.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it turned by 90 degrees clockwise
    said = [
        post(running, "/predict", admin, files={"image": file_of(turned, "JPEG", **more)}).json()["image"]
        for more in ({}, {"exif": exif})
    ]
    upright = post(running, "/predict", admin, files={"image": file_of(image, "JPEG")}).json()["image"]
    assert np.abs(np.subtract(said[1], upright)).mean() < 3
    assert np.abs(np.subtract(said[0], upright)).mean() > 20


def test_a_session_ends_with_logout_and_its_refresh_token_too(running):
    tokens = post(running, "/login", json={"user": "admin", "password": running.password}).json()
    header = {"Authorization": f"Bearer {tokens['token']}"}
    assert get(running, "/me", header).json() == {"user": "admin", "role": "admin"}
    assert post(running, "/logout", header).status_code == 204
    assert get(running, "/me", header).status_code == 401
    assert post(running, "/refresh", json={"refresh": tokens["refresh"]}).status_code == 401


def test_a_refresh_token_works_once_and_a_second_use_ends_the_session(running):
    first = post(running, "/login", json={"user": "admin", "password": running.password}).json()
    second = post(running, "/refresh", json={"refresh": first["refresh"]}).json()
    header = {"Authorization": f"Bearer {second['token']}"}
    assert get(running, "/me", header).status_code == 200
    again = post(running, "/refresh", json={"refresh": first["refresh"]})
    assert again.status_code == 401
    assert "used before" in again.json()["detail"]
    assert get(running, "/me", header).status_code == 401


def test_a_new_password_ends_the_other_sessions(running, admin):
    mine = add_user(running, admin, "carol")
    other = running.log_in("carol", PASSWORD)
    wrong = post(running, "/password", mine, json={"old": "not that one", "new": "another password"})
    assert wrong.status_code == 403
    changed = post(running, "/password", mine, json={"old": PASSWORD, "new": "another password"})
    assert changed.status_code == 204, changed.text
    assert get(running, "/me", mine).status_code == 200
    assert get(running, "/me", other).status_code == 401
    assert post(running, "/login", json={"user": "carol", "password": PASSWORD}).status_code == 401


def test_a_user_who_is_removed_is_out_at_once(running, admin):
    header = add_user(running, admin, "dave")
    assert requests.delete(f"{running.url}/users/dave", headers=admin, timeout=TIMEOUT).status_code == 204
    assert get(running, "/me", header).status_code == 401
    last = requests.delete(f"{running.url}/users/admin", headers=admin, timeout=TIMEOUT)
    assert last.status_code == 409


def test_roles_hold(running, admin):
    header = add_user(running, admin, "erin")
    for method, path, body in (
        ("GET", "/users", None),
        ("POST", "/users", {"user": "x", "password": PASSWORD, "role": "admin"}),
        ("DELETE", "/users/admin", None),
        ("PUT", "/models", {"active": "2"}),
        ("GET", "/metrics", None),
    ):
        said = requests.request(method, running.url + path, headers=header, json=body, timeout=TIMEOUT)
        assert said.status_code == 403, (method, path)
        said = requests.request(method, running.url + path, json=body, timeout=TIMEOUT)
        assert said.status_code == 401, (method, path)


def test_stored_pictures_are_their_owners_alone(running, admin):
    ada, bob = add_user(running, admin, "ada"), add_user(running, admin, "bob")
    stored = post(running, "/uploads", ada, files={"image": seven()})
    assert stored.status_code == 201
    number = stored.json()["id"]
    assert [row["id"] for row in get(running, "/uploads", ada).json()] == [number]
    assert Image.open(requests.get(f"{running.url}/uploads/{number}", headers=ada, stream=True).raw).size == (
        28,
        28,
    )
    assert get(running, "/uploads", bob).json() == []
    for header in (bob, admin):
        others = get(running, f"/uploads/{number}", header)
        nobodys = get(running, f"/uploads/{'0' * 32}", header)
        assert others.status_code == nobodys.status_code == 404
        assert others.content == nobodys.content
        gone = requests.delete(f"{running.url}/uploads/{number}", headers=header, timeout=TIMEOUT)
        assert gone.status_code == 404
    assert get(running, f"/uploads/{number}").status_code == 401
    assert requests.delete(f"{running.url}/uploads/{number}", headers=ada, timeout=TIMEOUT).status_code == 204
    assert get(running, "/uploads", ada).json() == []


def test_what_the_camera_noted_is_not_stored(running, admin):
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera of Ada"
    picture = file_of(Image.fromarray(mnist(1)[0][0]), "JPEG", exif=exif)
    assert b"Secret Camera" in picture
    number = post(running, "/uploads", admin, files={"image": picture}).json()["id"]
    assert b"Secret" not in get(running, f"/uploads/{number}", admin).content


def test_a_new_version_answers_after_one_request_and_the_old_one_after_another(running, admin):
    for version in ("2", "1"):
        said = requests.put(f"{running.url}/models", headers=admin, json={"active": version}, timeout=TIMEOUT)
        assert said.json()["active"] == version, said.text
        answer = post(running, "/predict", admin, files={"image": seven()}).json()
        assert (answer["model"], answer["label"]) == (version, 7)


def test_a_model_that_is_torn_or_altered_never_answers(tmp_path):
    folder = tmp_path / "models"
    shutil.copytree(BUNDLED, folder)
    whole = (folder / "2.onnx").read_bytes()
    with Local(replace(Settings(), models=str(folder))) as service:
        admin = service.log_in()
        for damaged in (whole[: len(whole) // 2], whole[:-1] + b"x", b""):
            (folder / "2.onnx").write_bytes(damaged)
            said = requests.put(f"{service.url}/models", headers=admin, json={"active": "2"}, timeout=TIMEOUT)
            assert said.status_code == 409
            assert "torn or altered" in said.json()["detail"]
            answer = post(service, "/predict", admin, files={"image": seven()}).json()
            assert (answer["model"], answer["label"]) == ("1", 7)


def test_a_version_that_reads_its_known_digit_wrong_never_answers(tmp_path):
    from convlab.serving import models

    shutil.copytree(BUNDLED, tmp_path / "m")
    facts = json.loads((tmp_path / "m/1.json").read_text(encoding="utf-8"))
    (tmp_path / "m/1.json").write_text(json.dumps(facts | {"probe_label": 3}), encoding="utf-8")
    with pytest.raises(models.ModelError, match="reads its known 3 as 7"):
        models.load(tmp_path / "m", "1")


def test_health_and_readiness_need_no_login(running):
    assert get(running, "/health").json() == {"status": "ok"}
    assert get(running, "/ready").json() == {"status": "ready"}


def test_pages_need_nothing_from_elsewhere(running):
    for path in ("/", "/docs"):
        page = get(running, path)
        assert page.status_code == 200
        assert "//" not in page.text.replace("<!--", "")
        assert "script-src 'self'" in page.headers["content-security-policy"]
    described = get(running, "/openapi.json").json()["paths"]
    assert {"/login", "/predict", "/uploads", "/models"} <= set(described)


def test_numbers_are_what_prometheus_reads(running, admin):
    from prometheus_client.parser import text_string_to_metric_families

    post(running, "/predict", admin, files={"image": seven()})
    families = {
        family.name: family for family in text_string_to_metric_families(get(running, "/metrics", admin).text)
    }
    counted = [sample.labels for sample in families["predictions"].samples]
    assert {"model": "1", "label": "7"} in counted
    assert {"requests", "request_seconds", "batch_size", "confidence", "ink"} <= set(families)
