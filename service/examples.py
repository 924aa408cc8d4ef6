"""What the examples in the contracts are taken from: one article, one alert."""

ALERT_ID = "36cdf0ef-97dc-5e73-b5a8-995e15d5372e"
TITLE = "Tehreek-e-Taliban Pakistan (TTP) attacks a police post"
MOMENT = "2026-03-12T06:30:00Z"
SHA256 = "7b26bc8b0a317f5b3dce28bbc52b274ece4b9c7eeeee4425f1c3c9532e9378c1"
TERM = {"kind": "word", "term": "ttp", "weight": 2.1, "found": []}
EVIDENCE = {
    "part": "title",
    "start": 0,
    "end": 54,
    "quote": TITLE,
    "probability": 0.97,
    "terms": [TERM],
    "rest": 3.9,
    "bias": -2.5,
}
LABEL = {
    "label": "ttp",
    "title": "Pakistani Taliban (TTP)",
    "band": "alert",
    "probability": 0.97,
    "threshold": 0.75,
    "evidence": [EVIDENCE],
}
ARTICLE = {
    "id": "urn:newsroom:4711",
    "version": 2,
    "url": "https://example.org/4711",
    "title": TITLE,
    "source": "Example News",
    "language": "en",
    "published_at": MOMENT,
}
STORY = {"story_id": ALERT_ID, "role": "lead", "lead_alert_id": ALERT_ID, "similarity": 1.0}
CHANGE = {
    "labels_gained": ["border"],
    "labels_lost": [],
    "text_changed": 0.25,
    "promoted": False,
}
MODEL = {"version": "0.1.0+7b26bc8b", "sha256": SHA256}
LEAD = {"alert_id": ALERT_ID, "article": ARTICLE, "probability": 0.97}
