from benchmarks.crash_safety import run_rounds


def test_no_acknowledged_case_is_lost_when_the_server_is_killed(tmp_path):
    outcome = run_rounds(tmp_path, kills=3, clients=4, seed=7)
    assert len(outcome.acknowledged) > 3
    assert (outcome.kills, outcome.missing, outcome.faults) == (3, set(), [])
