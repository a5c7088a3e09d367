import pytest

from serving.engines.batches import score_table
from serving.engines.engine import EngineError
from tests.support.clusters import (
    answers_of,
    bundle_name,
    end_quietly,
    need_extra,
    short_texts,
    wanted,
    wanted_rows,
)
from tests.support.places import ROOT


@pytest.fixture(scope="module")
def ray():
    """A Ray of two workers on this machine."""
    need_extra("ray", "ray")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(ROOT))
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        try:
            ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
            yield ray
        finally:
            ray.shutdown()
            end_quietly()


# Ray leaves files and sockets of its own processes to the end of the process.
ray_test = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"
)


@ray_test
def test_ray_answers_as_this_machine(ray):
    from serving.engines.on_ray import OnRay

    assert answers_of(OnRay(expect=bundle_name()), short_texts()) == wanted()


@ray_test
def test_a_data_set_in_ray_is_scored_by_the_function_itself(ray):
    rows = [{"case_id": record.case_id, "text": record.text} for _, record in short_texts()]
    scored = ray.data.from_items(rows).map_batches(
        score_table, batch_format="pyarrow", batch_size=16, fn_kwargs={"whole": False}
    )
    found = {row["case_id"]: row for row in scored.take_all()}
    assert len(found) == 40
    for row in wanted_rows():
        assert found[row["case_id"]]["causes"] == row["causes"]
        assert found[row["case_id"]]["agent_probability"] == row["agent_probability"]


@ray_test
def test_a_fault_in_ray_is_told_in_our_own_words(ray):
    from serving.engines.on_ray import OnRay

    with pytest.raises(EngineError, match=r"--engine ray: worker: bundle .* another@1111 wanted"):
        answers_of(OnRay(expect="another@1111"), short_texts())
