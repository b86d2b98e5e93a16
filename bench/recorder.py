"""How fast the recorder keeps trace chunks, against bare COPY of the same bytes into a table of the same shape."""

import random
import statistics
import time
from uuid import UUID

from bench import people
from bench.instance import instance

PEOPLE, PRINTS, BATCH, BATCHES = 500, 20_000, 500, 12


def main() -> float:
    with instance("recorder"):
        from glassbed.features.traces.recording import keep_chunks
        from glassbed.protocol.ids import uuid7
        from glassbed.protocol.messages import Event, TraceChunk
        from glassbed.protocol.subjects import ToRecord
        from glassbed.protocol.trace import TraceSample, encode

        people.fill(PEOPLE, PRINTS)
        chance = random.Random(1)
        blob = encode(
            [
                TraceSample(
                    nozzle_c=round(chance.gauss(210, 0.3), 1),
                    nozzle_target_c=210,
                    bed_c=round(chance.gauss(60, 0.1), 1),
                    bed_target_c=60,
                    progress_ratio=0.2 + s / 10_000,
                    layer=3 + s // 20,
                    height_mm=0.6 + 0.2 * (s // 20),
                )
                for s in range(60)
            ]
        )

        def batch(minute: int) -> list[ToRecord]:
            return [
                ToRecord(
                    bridge=str(UUID(f"00000000-0000-7000-8001-{1 + i % PEOPLE:012x}")),
                    event=Event(
                        id=str(uuid7()),
                        printer=str(UUID(f"00000000-0000-7000-8002-{1 + i % PEOPLE:012x}")),
                        what=TraceChunk(print_id=str(people.print_of(i)), minute=minute, samples=blob),
                    ),
                )
                for i in range(1, BATCH + 1)
            ]

        with people.owner() as connection:
            connection.execute("CREATE TABLE bare (LIKE traces_chunk INCLUDING ALL)")
            rows = connection.execute("SELECT id, printer_id, person_id FROM jobs_print").fetchall()
            owners = {row[0]: row[1:] for row in rows}
            ours, bare = [], []
            for minute in range(BATCHES + 1):
                asked = batch(minute)
                started = time.perf_counter()
                kept = keep_chunks(asked)
                ours.append(time.perf_counter() - started)
                assert len(kept) == BATCH
                started = time.perf_counter()
                with (
                    connection.transaction(),
                    connection.cursor() as cursor,
                    cursor.copy(
                        "COPY bare (print_id, minute, printer_id, person_id, samples) FROM STDIN"
                    ) as copy,
                ):
                    for item in asked:
                        print_id = UUID(item.event.what.print_id)
                        copy.write_row((print_id, minute, *owners[print_id], item.event.what.samples))
                bare.append(time.perf_counter() - started)
        mine, theirs = statistics.median(ours[1:]), statistics.median(bare[1:])
        print(
            f"Recorder: {BATCHES} batches of {BATCH} chunks of 60 samples, {len(blob)} bytes a chunk ({len(blob) / 60:.1f} a sample)"
        )
        print(f"  bare COPY {BATCH / theirs:>10,.0f} chunks/s")
        print(f"  recorder  {BATCH / mine:>10,.0f} chunks/s   {theirs / mine:.0%} of bare COPY")
        return theirs / mine


if __name__ == "__main__":
    main()
