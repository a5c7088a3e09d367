from serving.console.highlights import Shown, cut_pieces


def shown(number: int, kind: str, *spans: tuple[int, int]) -> Shown:
    return Shown(number, kind, f"L{number}", "名称", spans)


def test_pieces_together_are_the_text():
    labels = [shown(1, "cause", (2, 6)), shown(2, "sign", (4, 9)), shown(3, "mark", (4, 6))]
    assert "".join(piece.text for piece in cut_pieces("零一二三四五六七八九", labels)) == (
        "零一二三四五六七八九"
    )


def test_overlapping_evidence_names_every_label_that_covers_it():
    labels = [shown(1, "cause", (2, 6)), shown(2, "sign", (4, 9))]
    pieces = cut_pieces("零一二三四五六七八九", labels)
    numbers = [(piece.text, [label.number for label in piece.labels]) for piece in pieces]
    assert numbers == [("零一", []), ("二三", [1]), ("四五", [1, 2]), ("六七八", [2]), ("九", [])]
    assert [[label.number for label in piece.ends] for piece in pieces] == [[], [], [1], [2], []]


def test_a_piece_that_two_kinds_cover_shows_both():
    (piece,) = cut_pieces("理赔", [shown(1, "sign", (0, 2)), shown(2, "cause", (0, 2))])
    assert piece.kinds == ("cause", "sign")


def test_evidence_beyond_the_text_is_cut_to_what_is_there():
    assert [piece.text for piece in cut_pieces("理赔", [shown(1, "cause", (1, 9))])] == ["理", "赔"]
