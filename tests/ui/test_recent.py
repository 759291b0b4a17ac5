"""Views kept for a moment."""

from ai_finops.ui.recent import RecentViews


def test_the_one_that_nobody_asked_for_longest_goes():
    recent = RecentViews(kept_count=2)
    assert recent.find("a") is None
    assert recent.keep("a", 1) == 1
    recent.keep("b", 2)
    assert recent.find("a") == 1
    recent.keep("c", 3)
    assert (recent.find("a"), recent.find("b"), recent.find("c")) == (1, None, 3)
