"""The story that the sweep interrupts. It can be started again at any point, by asking again."""

from __future__ import annotations

from holdshort import Decision, Worker
from holdshort.errors import GrantRefused
from holdshort.lifecycle.grants import QUESTION_TYPE
from holdshort.models import DEFAULT_TENANT
from holdshort.worker import Job

from .house import ANA, BEN, House

#: Longer than a run may take until it counts as lost (seconds; the built-in policy says 900).
LONG = 1000.0


async def play(house: House) -> None:
    """Live through the story, or through what is left of it."""
    await house.open()
    agent = house.agent
    intents = {
        "export": await agent.send_intent(
            "intent.data.export.v1",
            action={"tool": "export", "arguments": {"columns": ["name", "mail"]}},
            steps=[{"to": ANA}, {"to": BEN}],
            remind_after=60,
            escalate=[(120, "team:admins")],
            key="export",
        ),
        "withdrawn": await agent.send_intent("intent.a.withdrawn.v1", to=ANA, key="withdrawn"),
        "late": await agent.send_intent("intent.a.late.v1", to=ANA, deadline=240, key="late"),
        "lost": await agent.send_intent("intent.a.lost.v1", to=ANA, key="lost"),
        "work": await agent.send_intent("intent.a.work.v1", to=ANA, key="work", resume="worker"),
    }
    await house.holdshort.tick()
    await agent.cancel(intents["withdrawn"], "not needed")
    await house.pass_time(61)  # a reminder
    await house.pass_time(60)  # a rung of the ladder
    await house.pass_time(120)  # a deadline
    tries = 0
    while not await finished(house, intents):
        tries += 1
        assert tries < 20, "this does not come to an end by itself"
        await answer(house)
        await act(house, intents["export"], f"export-{house.life}-{tries}")
        # Of this one nothing is ever heard again, as if its process had died in mid-run.
        await act(house, intents["lost"], f"lost-{house.life}-{tries}", report=False)
        await work(house)
        await house.pass_time(LONG)
    assert (await agent.wait_for(intents["late"], timeout=0)).timed_out
    for _ in range(20):
        if not house.store.counts().get("deliveries.pending"):
            return
        await house.pass_time(31)
    raise AssertionError("some post never leaves")


async def answer(house: House) -> None:
    """Let the people look at what is asked of them, and answer it."""
    for name, person in house.people.items():
        for task in await person.tasks():
            if task["task_type"] == "confirmation":
                asked = (await person.get(task["intent_id"]))["payload"]
                happened = (asked["intent_id"], asked["attempt"]) in house.effects()
                await person.submit(
                    task["intent_id"], "confirmed" if happened else "denied", comment="I looked"
                )
            elif task["steps"] == 1:
                await person.approve(task["intent_id"])
            elif (task["step"], name) == (0, ANA):
                await person.approve(task["intent_id"], arguments={"columns": ["name"]})
            elif (task["step"], name) == (1, BEN):
                await person.approve(task["intent_id"])


async def act(house: House, intent_id: str, attempt: str, *, report: bool = True) -> None:
    """Run what was approved, if it may run."""
    decision: Decision = await house.agent.wait_for(intent_id, timeout=60)
    try:
        permit = await house.agent.consume(intent_id, decision.digest, attempt)
    except GrantRefused as refused:
        if refused.details["reason"] not in ("started", "unknown", "done"):
            raise
        return
    assert permit["run"]
    if decision.edited:
        assert permit["arguments"] == {"columns": ["name"]}
    house.act(intent_id, attempt)
    if report:
        await house.agent.report(intent_id, attempt, succeeded=True, result=attempt)


async def work(house: House) -> None:
    """Let a worker do what is ready for one."""
    # One job at a time, so that every life makes the same commits in the same order.
    worker = Worker(house.agent, name=f"worker-{house.life}", concurrency=1)

    @worker.on("intent.a.work.v1")
    async def resume(job: Job) -> None:
        await house.agent.change_lease(
            job.intent_id, "renew", worker=worker.name, epoch=job.delivery
        )
        await job.run(lambda: house.act(job.intent_id, f"{job.attempt_id}#{job.delivery}"))

    await worker.serve(once=True)


async def finished(house: House, intents: dict[str, str]) -> bool:
    """Return whether all has ended, also what Holdshort itself asked."""
    found = [house.store.intent(DEFAULT_TENANT, one) for one in intents.values()]
    found += house.store.intents(DEFAULT_TENANT, intent_type=QUESTION_TYPE)
    return all(
        one.terminal
        and one.lease_at is None
        and (one.grant is None or one.settles or one.grant.state == "done")
        for one in found
    )
