from serving.vocabulary import default_vocabulary


def test_every_facet_that_the_taxonomy_knows_has_a_chinese_word():
    words, facets = default_vocabulary().words, default_vocabulary().taxonomy.facets
    kinds = {"complainant_role": "role", "text_genre": "genre"}
    asked = ("channel", "product", "source", "demand", "record_type", *kinds)
    lacking = {n: set(facets[n]) - set(words[kinds.get(n, n)]) for n in asked}
    assert not any(lacking.values()), lacking
