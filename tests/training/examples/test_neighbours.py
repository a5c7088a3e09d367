"""Neighbours: the nearest wording first, and never the text asked about."""

from models.record import LabelledRecord, Record
from training.examples.neighbours import Placed, find_neighbours, placed
from training.examples.reading import Examples


def at(place: str, text: str) -> Placed:
    return Placed(place, LabelledRecord(Record(text), "OTHER.UNCLEAR", ("OTHER.UNCLEAR",)))


CLAIM = at("a.jsonl:1", "理赔资料交齐两个月没有回音")
TRAIN = (
    at("a.jsonl:2", "热线打不通,机器人答非所问"),
    at("a.jsonl:3", "理赔资料交齐,赔款没有回音"),
    at("a.jsonl:4", "退保金到账慢"),
)


def test_the_nearest_wording_comes_first():
    ((first, second),) = find_neighbours([CLAIM], TRAIN, most=2)
    assert first.placed.place == "a.jsonl:3"
    assert first.similarity > second.similarity


def test_a_record_is_no_neighbour_of_itself():
    ((first,),) = find_neighbours([CLAIM], (CLAIM, *TRAIN), most=1)
    assert first.placed.place == "a.jsonl:3"


def test_the_same_text_elsewhere_is_the_nearest():
    twin = at("b.jsonl:9", CLAIM.labelled.record.text)
    ((first,),) = find_neighbours([CLAIM], (*TRAIN, twin), most=1)
    assert (first.placed, round(first.similarity, 6)) == (twin, 1.0)


def test_without_training_examples_there_is_no_neighbour():
    assert find_neighbours([CLAIM], ()) == [()]


def test_a_place_is_file_and_row():
    (one,) = placed(Examples((CLAIM.labelled,), places=(("a.jsonl", 1),)))
    assert one == CLAIM
