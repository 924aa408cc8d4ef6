from hypothesis import settings

# No deadline, so that a busy machine fails nothing; the same examples each time, so that a change
# is not blamed for what it did not touch.
settings.register_profile("beatwatch", deadline=None, derandomize=True)
settings.load_profile("beatwatch")
