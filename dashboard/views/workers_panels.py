"""The parts of the page Workers, each with what to do where it is empty."""

import streamlit as st

from dashboard import charts_workers, frames, frames_workers, words
from dashboard.data.live import RUNNING_SHOWN
from dashboard.data.workers import Workers
from dashboard.frames_workers import ALIVE, DEADLINES, ECO_OFF, PAUSED, SILENT
from dashboard.views.elements import band, card, chart, distance, listing, process_columns
from dashboard.views.zone import ink, zone

_ASKED = {"pause": "paused", "resume": "resumed", "eco": "set"}


def show(workers: Workers) -> None:
    """All of it."""
    _lost(workers)
    if not workers.pools and workers.silent_since is not None:
        st.caption("No worker was alive when the services were last heard.")
    elif not workers.pools:
        st.info(
            "**No worker is running**, so nothing starts; what waits stays in its queues. "
            "`carbon-aware up` starts two, `python -m services.worker_pool` one more.",
            icon=":material/engineering:",
        )
    else:
        _notices(workers)
        _cards(workers)
    _history(workers)
    _pools(workers)
    _running(workers)
    _asked(workers)


def _lost(workers: Workers) -> None:
    for each in frames_workers.lost(workers.beats, workers.running, workers.at):
        st.warning(
            f"**{words.escape(each.instance)} is silent** for "
            f"{words.duration(each.silent_seconds)}, with {words.count(each.jobs, 'job')} on "
            f"record as running there. The broker gives {_them(each.jobs)} to another worker.",
            icon=":material/heart_broken:",
        )


def _them(jobs: int) -> str:
    return "it" if jobs == 1 else "them"


def _notices(workers: Workers) -> None:
    """Where the size does not follow the band, and why."""
    told: dict[tuple[str, str], list[str]] = {}
    for pool in workers.pools:
        rule = frames_workers.rule_of(pool, workers.beats)
        if rule in {PAUSED, ECO_OFF, DEADLINES}:
            told.setdefault((rule, pool.reason), []).append(pool.pool)
    for (rule, reason), pools in told.items():
        title = "Paused" if rule == PAUSED else "Eco mode off"
        st.warning(
            f"**{title}** on {words.count(len(pools), 'pool')}: {words.escape(reason)}",
            icon=":material/pause_circle:" if rule == PAUSED else ":material/energy_savings_leaf:",
        )


def _cards(workers: Workers) -> None:
    pools = workers.pools
    alive = [beat for beat in workers.beats if beat.alive]
    most, base = sum(p.consumers for p in pools), sum(p.base_consumers for p in pools)
    rows = frames_workers.pools(pools, workers.beats)
    at_work = int(rows["Running"].fillna(0).sum())
    if len(workers.running) < RUNNING_SHOWN:
        # The list below is whole: it is some seconds ahead of the beats.
        lost = frames_workers.lost(workers.beats, workers.running, workers.at)
        at_work = len(workers.running) - sum(each.jobs for each in lost)
    reasons = sorted({pool.reason for pool in pools})
    with st.grid(4, min_column_width=220):
        card("Jobs running", f"{at_work:,}", f"of {most:,} that may run at once")
        card(
            "Capacity, jobs at once",
            f"{most:,}",
            reasons[0] if len(reasons) == 1 else f"base {base:,}, see the table",
        )
        card(
            "Worker processes",
            f"{len(alive):,}",
            f"on {words.count(len({beat.host for beat in alive}), 'host')}",
        )
        card(
            "Jobs held ready",
            f"{int(rows['Held'].fillna(0).sum()):,}",
            f"each place may hold {max(pool.prefetch for pool in pools)} more",
            "Messages that a worker has been given and has not begun (prefetch).",
        )


def _history(workers: Workers) -> None:
    st.subheader("Capacity over time, and the band that it followed", anchor=False)
    steps = frames.capacity_steps(
        workers.sizes,
        workers.pools,
        workers.beats,
        workers.since,
        workers.silent_since or workers.at,
    )
    if steps.empty:
        st.caption("The line begins when a worker pool takes its first size.")
        return
    bands = frames_workers.bands(workers.readings, workers.since, workers.at)
    chart(
        charts_workers.sizes_chart(steps, bands, ink()),
        key="sizes",
        alt="How many jobs may run at once over time, and the band of the grid",
    )
    if workers.region is not None:
        st.caption(words.escape(f"Pools of {workers.region}."))


def _pools(workers: Workers) -> None:
    listing(
        "Pools",
        frames_workers.pools(
            workers.pools, workers.beats, state=SILENT if workers.silent_since else ALIVE
        ),
        "pools",
        {
            **process_columns(),
            "Band": band(),
            "Held": st.column_config.NumberColumn(help="Given by the broker and not begun yet"),
            "At most": st.column_config.NumberColumn(help="Jobs that may run at once now"),
            "Base": st.column_config.NumberColumn(help="Jobs at once in a medium band"),
            "Prefetch": st.column_config.NumberColumn(help="Jobs that each place may hold ready"),
        },
        nothing="No worker process was heard of within a day.",
    )


def _running(workers: Workers) -> None:
    listing(
        "Jobs running now",
        frames_workers.running(workers.running, workers.beats),
        "running",
        {
            "Progress, %": st.column_config.ProgressColumn(
                format="%.0f",
                min_value=0.0,
                max_value=100.0,
                help="As the job's handler says; empty where it says nothing",
            ),
            "Running since": distance(),
            "Deadline": distance(),
        },
        nothing="Nothing runs at the moment.",
    )


def _asked(workers: Workers) -> None:
    st.subheader("What people asked of the workers", anchor=False)
    if not workers.asked:
        st.caption(
            "Pauses, resumptions and switches of the eco mode appear here, with who asked: "
            "`carbon-aware pause`, `carbon-aware eco off`."
        )
        return
    lines = (
        f":gray[{words.moment(row.at, workers.at, zone())}] **{words.escape(row.by or 'somebody')}"
        f"** {_ASKED[row.action]} {words.escape(row.scope)}"
        for row in workers.asked
    )
    st.markdown("\n\n".join(lines))
