"""The emulator answers what every service does, and does not count being asked for it."""


async def test_it_is_alive_and_ready(stage):
    assert (await stage.http.get("/livez")).text == "ok"
    assert (await stage.http.get("/readyz")).json() == {"ready": True, "problems": {}}
    assert not stage.emulator.tally


async def test_requests_are_counted_over_all_users(stage):
    for _ in range(2):
        await stage.get("/v3/forecast")
    await stage.http.get("/nowhere")
    said = (await stage.http.get("/metrics")).text.splitlines()
    assert 'carbonq_emulator_requests_total{path="/v3/forecast",status="200"} 2.0' in said
    assert not [line for line in said if "nowhere" in line or "user" in line]
