"""Scheduled tasks: a list; every process has its own."""

from starlette.responses import Response

from ..call import Access, Call, Endpoint
from ..scheduled_tasks import TASKS, ScheduledTask
from ..wire import Json, problem


def endpoints() -> list[Endpoint]:
    """This group's endpoints."""
    return [
        Endpoint(["/scheduledtasks"], _all, Access.ADMINISTRATOR),
        Endpoint(["/scheduledtasks/{task_id}"], _one, Access.ADMINISTRATOR),
    ]


async def _all(call: Call) -> Response:
    return call.json([_dto(task) for task in TASKS])


async def _one(call: Call) -> Response:
    wanted = call.path("task_id").replace("-", "")
    task = next((task for task in TASKS if task.id.hex == wanted), None)
    if task is None:
        raise problem(404, "Not Found")
    return call.json(_dto(task))


def _dto(task: ScheduledTask) -> dict[str, Json]:
    return {
        "Name": task.name,
        "State": "Idle",
        "Id": task.id,
        "Triggers": task.triggers(),
        "Description": "",
        "Category": task.category,
        "IsHidden": False,
        "Key": task.key,
    }
