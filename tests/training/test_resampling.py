"""Rounds in which groups that teach nothing are replaced, on ranks with different needs."""

import threading

import pytest

from training.resampling import Filled, fill

SILENT = "silent"


def drawing(fresh: dict[tuple[int, int], str], rounds: list[tuple[int, list[int]]]):  # type: ignore[no-untyped-def]
    """Groups by round and place, and a note of each call."""

    def draw(number: int, places: list[int], most: int) -> list[str]:
        assert most >= len(places) and most > 0
        rounds.append((number, places))
        return [fresh[number, place] for place in places]

    return draw


def test_silent_groups_are_replaced_in_their_place_until_none_is_left() -> None:
    rounds: list[tuple[int, list[int]]] = []
    draw = drawing({(1, 0): SILENT, (1, 2): "c", (2, 0): "a"}, rounds)
    filled = fill([SILENT, "b", SILENT], lambda group: group != SILENT, draw, lambda number: number, 5)
    assert filled == Filled(["a", "b", "c"], [SILENT, SILENT, SILENT])
    assert rounds == [(1, [0, 2]), (2, [0])]


def test_after_the_last_round_silent_groups_stay() -> None:
    draw = drawing({(1, 0): SILENT, (2, 0): SILENT}, [])
    filled = fill([SILENT], lambda group: group != SILENT, draw, lambda number: number, 2)
    assert filled.groups == [SILENT] and len(filled.given_up) == 2


@pytest.mark.parametrize("needs", [{0: 0, 1: 3}, {0: 2, 1: 1}, {0: 0, 1: 0}])
def test_ranks_with_different_needs_take_part_in_the_same_rounds(needs: dict[int, int]) -> None:
    """`needs`: in how many rounds each rank meets a silent group. A rank that left early would break the barrier."""
    together, numbers = threading.Barrier(2, timeout=20), [0, 0]
    rounds: dict[int, list[tuple[int, list[int]]]] = {0: [], 1: []}

    def rank(number: int) -> None:
        def most(mine: int) -> int:
            numbers[number] = mine
            together.wait()
            found = max(numbers)
            together.wait()
            return found

        fresh = {(turn, 0): SILENT if turn < needs[number] else "taught" for turn in range(1, 6)}
        first = SILENT if needs[number] else "taught"
        fill([first], lambda group: group != SILENT, drawing(fresh, rounds[number]), most, 5)

    ranks = [threading.Thread(target=rank, args=(number,)) for number in needs]
    for each in ranks:
        each.start()
    for each in ranks:
        each.join()
    assert [turn for turn, _ in rounds[0]] == [turn for turn, _ in rounds[1]] == list(range(1, max(needs.values()) + 1))
    assert not together.broken
