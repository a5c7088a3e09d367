from benchmarks.replicas import run_replicas


def test_two_servers_on_one_postgresql_store_each_case_once(postgres_url, tmp_path):
    outcome = run_replicas(postgres_url, folder=tmp_path, count=50, clients=6)
    assert (outcome.distinct, outcome.faults) == (40, [])
    assert outcome.groups >= 1
