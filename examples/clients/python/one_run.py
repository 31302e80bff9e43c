"""One run through a client that was generated from the API's document: submit, follow to the end, read the log, retry.

Needs SPILLWAY_URL, SPILLWAY_TOKEN (scopes read and write), and in SPILLWAY_CLONE_URL a repository whose branch `main` a runner can
fetch.
"""

import os
import time
from typing import TypeVar

import httpx
from spillway_client import AuthenticatedClient
from spillway_client.api.logs import get_log_in_run, watch_job_log_in_run
from spillway_client.api.runs import get_run, retry_run, submit_run
from spillway_client.models import (
    JobRequest,
    JobRequestEnv,
    Problem,
    RetryRunRequest,
    RetryRunRequestOnly,
    Run,
    RunRequest,
    RunRequestSourceType0,
)
from spillway_client.models.run_state import RunState

OWNER, REPO = "acme", "generated"
Answer = TypeVar("Answer")


def good(answer: Answer | Problem | None, kind: type[Answer]) -> Answer:
    if isinstance(answer, Problem):
        raise RuntimeError(f"{answer.code}: {answer.detail}")
    assert isinstance(answer, kind), answer
    return answer


def followed(client: AuthenticatedClient, run: str, attempts: int) -> Run:
    """Reads the live log until the job has ended, then the run, once its job has so many attempts."""
    live = good(watch_job_log_in_run.sync(OWNER, REPO, run, "test", client=client), str)
    assert "event: complete" in live, live
    while True:
        shown = good(get_run.sync(OWNER, REPO, run, client=client), Run)
        jobs = shown.jobs or []
        if shown.state == RunState.FINISHED and len(jobs[0].attempts) == attempts:
            return shown
        time.sleep(0.2)


def log_of(client: AuthenticatedClient, run: str, attempt: int) -> str:
    return good(get_log_in_run.sync(OWNER, REPO, run, "test", attempt, client=client), str)


def main() -> None:
    clone_url = os.environ["SPILLWAY_CLONE_URL"]
    # A live log is silent for 15 s at most.
    client = AuthenticatedClient(
        base_url=os.environ["SPILLWAY_URL"], token=os.environ["SPILLWAY_TOKEN"], timeout=httpx.Timeout(60)
    )
    key = f"python-{time.time_ns()}"
    env = JobRequestEnv.from_dict({"GREETING": "hello"})
    job = JobRequest(key="test", run='cat README.md && test -n "$GREETING"', env=env)
    source = RunRequestSourceType0(clone_url=clone_url, ref="refs/heads/main")
    request = RunRequest(source=source, title="A run from Python", jobs=[job])
    run = good(submit_run.sync(OWNER, REPO, client=client, body=request, idempotency_key=key), Run)

    finished = followed(client, run.id, 1)
    assert finished.outcome == "passed", finished.outcome
    assert "generated clients read this" in log_of(client, run.id, 1)

    again = RetryRunRequest(only=RetryRunRequestOnly.ALL, reason="to see it twice")
    good(retry_run.sync(OWNER, REPO, run.id, client=client, body=again, idempotency_key=f"{key}-again"), Run)
    finished = followed(client, run.id, 2)
    assert finished.round_ == 2, finished.round_
    assert "generated clients read this" in log_of(client, run.id, 2)

    wrong = RunRequest(source=RunRequestSourceType0(clone_url=clone_url, ref="-x"), jobs=[job])
    refused = submit_run.sync(OWNER, REPO, client=client, body=wrong)
    assert isinstance(refused, Problem) and refused.errors, refused
    assert refused.errors[0].path == "source.ref", refused
    print(f"python: run {finished.number} {finished.outcome} twice")


if __name__ == "__main__":
    main()
