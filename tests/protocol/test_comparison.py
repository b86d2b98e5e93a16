from glassbed.protocol.comparison import _word, comparison_words


def test_words_are_the_published_proquints():
    """Addresses of the proposal (Wilkerson 2009): 127.0.0.1 and 63.84.220.193."""
    assert f"{_word(0x7F00)}-{_word(0x0001)}" == "lusab-babad"
    assert f"{_word(0x3F54)}-{_word(0xDCC1)}" == "gutih-tugad"


def test_five_words_name_a_key_and_another_key_has_others():
    words = comparison_words(b"\x01" * 32)
    assert len(words.split("-")) == 5
    assert words == comparison_words(b"\x01" * 32)
    assert set(words.split("-")).isdisjoint(comparison_words(b"\x02" * 32).split("-"))
