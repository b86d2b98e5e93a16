"""A real Moonraker with a real Klipper-family host (Kalico), on loopback, in a folder of its own.

    with moonraker(tmp_path) as host:
        host.address, host.key

Behind them either a simulated board in real time, with temperatures (the default), or, with
`real_time=False`, Kalico's file-output mode: no board, no waiting, a print of an hour in seconds.
"""

import fcntl
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peers import cache, klipper_dictionary

HERE = Path(__file__).parent
READY_LIMIT_S = 60
END_LIMIT_S = 10

_PRINTER_CFG = """
[mcu]
serial: {board}
[printer]
kinematics: cartesian
max_velocity: 2000
max_accel: 100000
[stepper_x]
step_pin: gpio1
dir_pin: gpio2
microsteps: 1
rotation_distance: 400
endstop_pin: gpio3
position_endstop: 0
position_max: 300
[stepper_y]
step_pin: gpio4
dir_pin: gpio5
microsteps: 1
rotation_distance: 400
endstop_pin: gpio6
position_endstop: 0
position_max: 300
[stepper_z]
step_pin: gpio7
dir_pin: gpio8
microsteps: 1
rotation_distance: 80
endstop_pin: gpio9
position_endstop: 0
position_max: 300
[adc_temperature linear]
temperature1: 0
voltage1: 0
temperature2: 400
voltage2: 5
[extruder]
min_extrude_temp: 0
step_pin: gpio10
dir_pin: gpio11
microsteps: 1
rotation_distance: 100
nozzle_diameter: 0.400
filament_diameter: 1.750
max_extrude_only_distance: 500
heater_pin: gpio16
sensor_type: linear
sensor_pin: analog0
smooth_time: 0.1
control: watermark
min_temp: 0
max_temp: 399
[heater_bed]
heater_pin: gpio17
sensor_type: linear
sensor_pin: analog1
smooth_time: 0.1
control: watermark
min_temp: 0
max_temp: 399
[verify_heater extruder]
max_error: 100000
check_gain_time: 600
[verify_heater heater_bed]
max_error: 100000
check_gain_time: 600
[temperature_sensor chamber]
sensor_type: linear
sensor_pin: analog2
[fan]
pin: gpio18
[homing_override]
gcode: SET_KINEMATIC_POSITION X=0 Y=0 Z=0
axes: xyz
[virtual_sdcard]
path: {gcodes}
[pause_resume]
[display_status]
[telemetry]
enabled: False
"""

_MOONRAKER_CONF = """
[server]
host: 127.0.0.1
port: {port}
klippy_uds_address: {klippy_socket}
[machine]
provider: none
validate_service: False
[file_manager]
check_klipper_config_path: False
queue_gcode_uploads: True
[authorization]
{authorization}
[announcements]
dev_mode: True
[history]
"""
# In development mode announcements are read from a folder, not fetched.


@dataclass
class Moonraker:
    """A running host. `key` is None where loopback is trusted."""

    folder: Path
    port: int
    real_time: bool
    key: str | None = None
    ready_s: float = 0.0
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def board_link(self) -> Path:
        """Kalico takes a terminal for a board without a baud rate by this beginning of its path."""
        return Path(f"/tmp/klipper_host_{self.port}")

    def ask(self, path: str, body: object = None) -> Any:
        """GET, or POST `body`, and return what stands under `result`."""
        request = urllib.request.Request(
            self.address + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"} | ({"X-Api-Key": self.key} if self.key else {}),
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())["result"]

    def klippy_state(self) -> str:
        return str(self.ask("/server/info")["klippy_state"])

    def print_state(self) -> str:
        answer = self.ask("/printer/objects/query?print_stats=state")
        return str(answer["status"]["print_stats"]["state"])

    def send(self, gcode: str) -> None:
        """Run G-code as from the printer's console."""
        self.ask("/printer/gcode/script?" + urllib.parse.urlencode({"script": gcode}), {})

    def settle(self) -> None:
        """Bring the printer back to rest, whatever was done to it."""
        if self.processes["klippy"].poll() is not None:
            self.start_klippy()
        elif self.klippy_state() in ("shutdown", "error"):
            self.ask("/printer/firmware_restart", {})
        self.await_state(self.klippy_state, "ready")
        if self.print_state() in ("printing", "paused"):
            self.ask("/printer/print/cancel", {})
        self.send("CLEAR_PAUSE\nSDCARD_RESET_FILE\nTURN_OFF_HEATERS\nM220 S100\nM107")

    def await_state(self, state: Callable[[], str], wanted: str) -> None:
        limit = time.monotonic() + READY_LIMIT_S
        while (seen := _or_none(state)) != wanted:
            if time.monotonic() > limit:
                raise TimeoutError(f"still {seen}, not {wanted}:\n{self.output()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End Moonraker as a power cut would."""
        self._kill("moonraker")

    def kill_klippy(self) -> None:
        self._kill("klippy")

    def freeze(self) -> None:
        """Stop Moonraker from answering, without closing anything."""
        self.processes["moonraker"].send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.processes["moonraker"].send_signal(signal.SIGCONT)

    def start_klippy(self) -> None:
        python = _kalico()
        arguments = ["-a", str(self.folder / "klippy.sock"), "-I", str(self.folder / "klippy.serial")]
        if not self.real_time:
            arguments += ["-o", os.devnull, "-d", str(self.folder / "board.dict")]
        config = str(self.folder / "printer.cfg")
        self._start("klippy", [str(python), "-m", "klippy", config, *arguments])

    def start_moonraker(self) -> None:
        program = cache.environment("moonraker", HERE / "moonraker.txt") / "moonraker"
        self._start("moonraker", [str(program), "-d", str(self.folder / "data"), "-n"])

    def start_board(self) -> None:
        command = [sys.executable, "-m", "peers.klipper_mcu", str(self.board_link)]
        self._start("board", command, among=HERE.parent)
        limit = time.monotonic() + READY_LIMIT_S
        while not self.board_link.exists():
            if time.monotonic() > limit:
                raise TimeoutError(f"the simulated board did not start:\n{self.output()}")
            time.sleep(0.01)

    def output(self) -> str:
        """Return the last that each process wrote, for a failure's report."""
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in self.folder.glob("*.out"))

    def end(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)  # it may have been frozen
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(END_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.board_link.unlink(missing_ok=True)

    def _start(self, name: str, command: list[str], among: Path | None = None) -> None:
        with (self.folder / f"{name}.out").open("ab") as output:
            self.processes[name] = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, cwd=among or self.folder
            )

    def _kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()


@contextmanager
def moonraker(folder: Path, *, real_time: bool = True, needs_key: bool = False) -> Iterator[Moonraker]:
    """Run board, Kalico and Moonraker with their files in `folder`, ready to print; end them afterwards."""
    host = Moonraker(folder, _free_port(), real_time)
    _kalico()
    cache.environment("moonraker", HERE / "moonraker.txt")  # built before the clock runs
    _seed(host, needs_key=needs_key)
    begun = time.monotonic()
    try:
        if real_time:
            host.start_board()
        host.start_klippy()
        host.start_moonraker()
        if needs_key:
            host.key = _api_key(host)
        host.await_state(host.klippy_state, "ready")
        host.ready_s = time.monotonic() - begun
        yield host
    finally:
        host.end()


def _seed(host: Moonraker, *, needs_key: bool) -> None:
    gcodes = host.folder / "data" / "gcodes"
    gcodes.mkdir(parents=True)
    (host.folder / "data" / "config").mkdir()
    (host.folder / "printer.cfg").write_text(_PRINTER_CFG.format(board=host.board_link, gcodes=gcodes))
    if not host.real_time:
        klipper_dictionary.write(host.folder / "board.dict")
    authorization = "force_logins: True" if needs_key else "trusted_clients: 127.0.0.1/32"
    conf = _MOONRAKER_CONF.format(
        port=host.port, klippy_socket=host.folder / "klippy.sock", authorization=authorization
    )
    (host.folder / "data" / "config" / "moonraker.conf").write_text(conf)


def _kalico() -> Path:
    """Return the interpreter of Kalico's environment; the first time it compiles Kalico's C part (gcc)."""
    python = cache.environment("kalico", HERE / "kalico.txt") / "python"
    with (python.parent.parent / "chelper.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        compiled = python.parent.parent / "chelper.complete"
        if not compiled.exists():
            command = [str(python), "-c", "from klippy import chelper; chelper.get_ffi()"]
            done = subprocess.run(command, capture_output=True, timeout=cache.BUILD_LIMIT_S, check=False)
            if done.returncode:
                raise cache.PeerBuildError(f"Kalico needs gcc:\n{done.stderr.decode(errors='replace')}")
            compiled.touch()
    return python


def _api_key(host: Moonraker) -> str:
    """Read the key from Moonraker's own socket, which asks for none."""
    path = host.folder / "data" / "comms" / "moonraker.sock"
    limit = time.monotonic() + READY_LIMIT_S
    while time.monotonic() < limit:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            line.connect(str(path))
            line.sendall(b'{"jsonrpc": "2.0", "method": "access.get_api_key", "id": 1}\x03')
            for frame in iter(lambda: _frame(line), b""):
                answer = json.loads(frame)
                if answer.get("id") == 1:
                    return str(answer["result"])
        time.sleep(0.05)
    raise TimeoutError(f"Moonraker's socket did not open:\n{host.output()}")


def _frame(line: socket.socket) -> bytes:
    frame = b""
    while not frame.endswith(b"\x03"):
        received = line.recv(1)
        if not received:
            return b""
        frame += received
    return frame[:-1]


def _or_none(state: Callable[[], str]) -> str | None:
    try:
        return state()
    except urllib.error.HTTPError as error:
        error.close()
    except (urllib.error.URLError, http.client.HTTPException, OSError):
        pass  # not there yet
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
