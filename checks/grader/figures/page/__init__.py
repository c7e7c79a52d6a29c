"""A page to step through a lesson file's own graph, forward and back, in a file of its own.

    stories = stories_from(server, lesson_file, time_limit)
                        all that the pages show, as JSON has it; raises Undrawable
    page(stories)       a whole page
    fragment(story)     one graph, to be put into another page, which also holds
    assets()            the style and the script, once, after the fragments
    content_policy()    what a page's Content-Security-Policy has to allow for them
    frame(stories)      the whole page in an <iframe>, for a notebook

It imports no matplotlib.
"""

from checks.grader.figures.page.html import assets, content_policy, fragment, frame, page
from checks.grader.figures.page.story import Story, stories_from, stories_of

__all__ = [
    "Story",
    "assets",
    "content_policy",
    "fragment",
    "frame",
    "page",
    "stories_from",
    "stories_of",
]
