"""A page to step through a lesson file's own graph, forward and back, in a file of its own.

    stories = stories_from(server, lesson_file, time_limit)
                        all that the pages show, as JSON has it; raises Undrawable
    page(stories)       a whole page
    fragment(story)     one graph, to be put into another page, as many as it likes: no ids, all
                        text escaped, headings below `level`; with story["ended"] it opens at its
                        last step; the page also holds
    assets()            the style and the script, once, after the fragments
    content_policy()    what a page's Content-Security-Policy has to allow for them
    frame(stories)      the whole page in an <iframe>, for a notebook

It imports no matplotlib, and torch only to make stories: whoever writes pages of them needs none.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from checks.grader.figures.page.html import Story, assets, content_policy, fragment, frame, page

if TYPE_CHECKING:
    from checks.grader.running.intake import LessonFile
    from checks.grader.running.server import Server

__all__ = [
    "Story",
    "assets",
    "content_policy",
    "fragment",
    "frame",
    "page",
    "stories_from",
]


def stories_from(
    server: Server,
    lesson_file: LessonFile,
    time_limit: float,
    *,
    of: Collection[str] = (),
    brief: bool = False,
) -> list[Story]:
    """The stories of a lesson file, asked in a process of its own. Raises Undrawable.

    of     the exercises whose graphs are wanted; all if none is named
    brief  the graph alone: no training to play, nothing that the checker or `why` says
    """
    from checks.grader.figures.page.story import stories_of
    from checks.grader.figures.subject import subject_of

    with subject_of(server, lesson_file, time_limit) as subject:
        return stories_of(subject, of=of, brief=brief)
