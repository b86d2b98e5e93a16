"""The live path, measured: 200 printers at 1 Hz with a viewer each, over loopback, in half a minute.

`python bench/live.py`. The latency is from the bridge's send to the viewer's receive (one clock, the
machine's). CPU is that of our processes, the bus included; the simulated bridges and viewers are
counted apart. In the same run the limit: the same messages through bare NATS, publish → subscribe.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from statistics import quantiles

import aiohttp
import nats
import psutil

from glassbed.processes.live import LiveApp
from glassbed.protocol import messages, subjects, tickets
from glassbed.protocol.ids import uuid7

PRINTERS = 200
BRIDGES = 4
RATE_HZ = float(os.environ.get("BENCH_RATE_HZ", "1"))
WARM_S, MEASURE_S = 3.0, 9.0
SECRET = b"bench" * 8
ORIGIN = "http://127.0.0.1"

app = LiveApp(
    nats_url=os.environ.get("BENCH_NATS", "nats://127.0.0.1:4222"),
    secret=SECRET,
    origins=frozenset({ORIGIN}),
)


def serve(port):
    from granian import Granian

    Granian(f"{__file__}:app", port=port, interface="asgi", log_level="warning", backpressure=2048).serve()


def now_us():
    return time.monotonic_ns() // 1000


def frame_of(printer):
    """Encode a usual delta of a print; the time of sending rides in `elapsed_s`."""
    delta = {
        "progress_ratio": 0.417,
        "height_mm": 12.4,
        "left_s": 3817,
        "nozzle_c": 214.9,
        "bed_c": 60.1,
        "elapsed_s": now_us(),
    }
    return messages.encode(messages.Sample(printer=printer, delta=delta))


async def send_evenly(printers, until, send):
    """Send a sample of each printer `RATE_HZ` times a second, spread over the second."""
    count, began = 0, time.monotonic()
    while time.monotonic() < until:
        await send(printers[count % len(printers)])
        count += 1
        await asyncio.sleep(max(0.0, began + count / (len(printers) * RATE_HZ) - time.monotonic()))


async def bridges(job):
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for number in range(BRIDGES):
            group.create_task(bridge(session, job, job["printers"][number::BRIDGES]))


async def bridge(session, job, printers):
    listed = tuple(messages.Printer(id=each, driver="simulated", address="sim://1") for each in printers)
    ticket = tickets.BridgeTicket(bridge=str(uuid7()), printers=listed, expires_at=time.time() + 60)
    async with session.ws_connect(f"http://127.0.0.1:{job['port']}/bridge") as ws:
        await ws.send_str(messages.encode(messages.Hello(ticket=tickets.sign(ticket, SECRET))).decode())

        async def answer():
            async for frame in ws:
                message = messages.decode_from_server(frame.data)
                if isinstance(message, messages.Watch):
                    full = messages.Sample(printer=message.printer, delta={"state": "printing"}, full=True)
                    await ws.send_str(messages.encode(full).decode())

        answering = asyncio.create_task(answer())
        await asyncio.sleep(max(0.0, job["from"] - time.monotonic()))
        await send_evenly(printers, job["until"], lambda each: ws.send_str(frame_of(each).decode()))
        answering.cancel()


async def viewers(job):
    delays_us, sizes = [], []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        watching = [
            asyncio.create_task(viewer(session, job, each, delays_us, sizes)) for each in job["printers"]
        ]
        await asyncio.sleep(job["until"] + 0.5 - time.monotonic())
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
    print(json.dumps({"delays_us": delays_us, "sizes": sizes}))


async def viewer(session, job, printer, delays_us, sizes):
    ticket = tickets.ViewerTicket(
        person=str(uuid7()), session="bench", printers=(printer,), expires_at=time.time() + 60
    )
    async with session.ws_connect(f"http://127.0.0.1:{job['port']}/live", headers={"Origin": ORIGIN}) as ws:
        await ws.send_str(messages.encode(messages.Hello(ticket=tickets.sign(ticket, SECRET))).decode())
        async for frame in ws:
            arrived = now_us()
            message = messages.decode_for_browser(frame.data)
            if isinstance(message, messages.Sample) and not message.full:
                keep(message, arrived, len(frame.data), job, delays_us, sizes)


def keep(sample, arrived, size, job, delays_us, sizes):
    if arrived / 1e6 >= job["measure_from"]:
        delays_us.append(arrived - sample.delta["elapsed_s"])
        sizes.append(size)


async def publish(job):
    client = await nats.connect(job["nats"])
    await asyncio.sleep(max(0.0, job["from"] - time.monotonic()))
    await send_evenly(
        job["printers"], job["until"], lambda each: client.publish(subjects.sample(each), frame_of(each))
    )
    await client.close()


async def subscribe(job):
    delays_us, sizes = [], []
    client = await nats.connect(job["nats"])

    async def on_sample(message):
        arrived = now_us()
        sample = messages.decode_for_browser(message.data)
        keep(sample, arrived, len(message.data), job, delays_us, sizes)

    for printer in job["printers"]:
        await client.subscribe(subjects.sample(printer), cb=on_sample)
    await asyncio.sleep(job["until"] + 0.5 - time.monotonic())
    await client.close()
    print(json.dumps({"delays_us": delays_us, "sizes": sizes}))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"nothing listens on {port}")


def child(*arguments, **environment):
    command = [sys.executable, __file__, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | environment, text=True)


def cpu_s(process):
    """CPU time of a process and its children, in seconds."""
    whole = [process, *process.children(recursive=True)]
    return sum(times.user + times.system for times in (each.cpu_times() for each in whole))


def measure(senders, receivers, ours, job):
    """Run both ends; return latencies and sizes, and the CPU seconds of each process of `ours` and of the ends."""
    began = time.monotonic() + 1.5
    job |= {"from": began, "measure_from": began + WARM_S, "until": began + WARM_S + MEASURE_S}
    ends = [child(receivers, json.dumps(job)), child(senders, json.dumps(job))]
    watched = ours | {
        f"clients: {name}": psutil.Process(end.pid)
        for name, end in zip((receivers, senders), ends, strict=True)
    }
    time.sleep(job["measure_from"] - time.monotonic())
    before = {name: cpu_s(process) for name, process in watched.items()}
    time.sleep(job["until"] - 0.2 - time.monotonic())
    used = {name: cpu_s(process) - before[name] for name, process in watched.items()}
    seen = json.loads(ends[0].communicate(timeout=15)[0])
    ends[1].wait(15)
    return seen | {"cpu_s": used}


def report(title, seen, ours):
    delays = quantiles(seen["delays_us"], n=100)
    count = len(seen["delays_us"])
    spent = sum(seen["cpu_s"][name] for name in ours)
    print(f"{title}")
    print(f"  samples received     {count} of {PRINTERS * RATE_HZ * MEASURE_S:.0f}")
    print(f"  latency p50 / p95    {delays[49] / 1000:.2f} / {delays[94] / 1000:.2f} ms")
    print(f"  bytes a delta        {max(seen['sizes'])}")
    print(f"  samples a CPU-second {count / spent:.0f}  ({' + '.join(ours)}: {spent:.2f} s)")
    print(
        "  CPU, ms a sample     " + ", ".join(f"{n} {1000 * s / count:.3f}" for n, s in seen["cpu_s"].items())
    )


def main():
    program = Path(sys.executable).with_name("nats-server")
    bus_port, port = free_port(), free_port()
    bus_url = f"nats://127.0.0.1:{bus_port}"
    bus = subprocess.Popen([program, "-a", "127.0.0.1", "-p", str(bus_port), "-l", os.devnull])
    live = child("serve", port, BENCH_NATS=bus_url)
    try:
        wait_for(bus_port)
        wait_for(port)
        ours = {"live": psutil.Process(live.pid), "nats": psutil.Process(bus.pid)}
        job = {"printers": [str(uuid7()) for _ in range(PRINTERS)], "port": port, "nats": bus_url}
        through = measure("bridges", "viewers", ours, job)
        bare = measure("publish", "subscribe", {"nats": ours["nats"]}, job)
    finally:
        live.terminate()
        live.wait(10)
        bus.terminate()
        bus.wait(10)
    print(
        f"{PRINTERS} printers at {RATE_HZ:g} Hz, a viewer each, {BRIDGES} bridges; {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}; {MEASURE_S:.0f} s"
    )
    report("bridge → live → bus → live → browser", through, ["live", "nats"])
    report(
        "the limit: bare NATS, publish → subscribe", bare, ["nats", "clients: subscribe", "clients: publish"]
    )


ROLES = {"bridges": bridges, "viewers": viewers, "publish": publish, "subscribe": subscribe}

if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    elif sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        asyncio.run(ROLES[sys.argv[1]](json.loads(sys.argv[2])))
