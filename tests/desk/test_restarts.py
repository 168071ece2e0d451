from daemon.desk.restarts import Backoff, RestartPolicy


def test_pauses_grow_while_a_process_fails_at_once() -> None:
    now = [0.0]
    backoff = Backoff(RestartPolicy(ended="", after_refusal=False), lambda: now[0])
    pauses = []
    for lifetime in [100.0, *[0.1] * 9, 60.0, 0.1]:
        backoff.start()
        now[0] += lifetime
        pauses.append(backoff.pause())
    assert pauses == [0, 0.5, 1, 2, 4, 8, 16, 30, 30, 30, 0, 0.5]
