"""A Quix Streams application: its way is one article at a time.

Runs in an environment of its own (`benchmarks/quix-requirements.txt`), whose pydantic is older.
"""

from quixstreams import Application

from benchmarks.loops import read_place
from benchmarks.loops.stock_model import StockModel


def main() -> None:
    """Run the application until SIGTERM."""
    place = read_place()
    model = StockModel()
    application = Application(
        broker_address=place.broker,
        consumer_group=place.group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        loglevel="WARNING",
    )
    articles = application.topic(place.articles, value_deserializer="bytes")
    matches = application.topic(place.matches, value_serializer="bytes")
    stream = application.dataframe(articles)
    stream = stream.filter(lambda value: model.find_matches([value])[0])
    stream.to_topic(matches)
    application.run()


if __name__ == "__main__":
    main()
