"""Requests that a model is taught and scored with, word for word. Source: the cookbooks of Qwen2.5-VL and Qwen3-VL."""

from __future__ import annotations

from model.families import Family

READ_LINE = READ_PAGE = "Read all the text in the image."  # how much there is to read, the picture tells
DOCUMENT = "QwenVL HTML"  # the page as HTML, every block with its box
WHEN = "Give the query: '{}', when does the described content occur in the video?"
EVENTS = (
    "Localize a series of activity events in the video, output the start and end timestamp for each event, "
    "and describe each event with sentences. Provide the result in json format with 'mm:ss.ff' format for time "
    "depiction."
)
SUBTITLES = "This video's subtitles are listed below:"
SECONDS = " Use seconds as time format."
MINUTES = " Use 'mm:ss.ff' as time format."
HOURS = " Use 'hh:mm:ss.ff' as time format."
CHOOSE = (  # Video-MME's own
    "Select the best answer to the following multiple-choice question based on the video. "
    "Respond with only the letter ({letters}) of the correct option.\n{question}\n{options}\nThe best answer is:"
)
NOTES = (
    "A long video was watched part by part. What was said of each part:\n{notes}\n\n"
    "Answer for the whole video, by these notes alone: {question}"
)
SUMMARY = "What happens in the video? Sum it up in a few sentences."
BOXES = "Outline the position of {} and output all the coordinates in JSON format."
POINTS = "Point to {}, output its coordinates in XML format <points x y>object</points>."


def document(family: Family) -> str:
    """The request for a whole page, as the family was taught it."""
    return DOCUMENT.lower() if family.name == "qwen3-vl" else DOCUMENT
