"""A page to step through a lesson file's own graph, forward and back, in a file of its own.

stories = stories_of(subject)     all numbers, as JSON has them; raises Undrawable
page(stories)                     a whole page
fragment(story)                   one graph to be put into another page, which also holds
assets()                          the style and the script, once
content_policy()                  what a page's Content-Security-Policy has to allow for them
frame(stories)                    the whole page in an <iframe>, for a notebook
"""

from checks.grader.figures.page.html import assets, content_policy, fragment, frame, page
from checks.grader.figures.page.story import Story, stories_of

__all__ = ["Story", "assets", "content_policy", "fragment", "frame", "page", "stories_of"]
