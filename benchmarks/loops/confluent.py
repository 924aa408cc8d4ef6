"""A loop of confluent-kafka's, as its examples write it, with a batch for the model."""

from confluent_kafka import Consumer, Producer

from benchmarks.loops import BATCH_ARTICLES, read_place
from benchmarks.loops.stock_model import StockModel


def main() -> None:
    """Run the loop until SIGTERM."""
    place = read_place()
    model = StockModel()
    producer = Producer({"bootstrap.servers": place.broker, "acks": "all"})
    consumer = Consumer(
        {
            "bootstrap.servers": place.broker,
            "group.id": place.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([place.articles])
    while True:
        messages = consumer.consume(BATCH_ARTICLES, timeout=0.1)
        taken = [(each.key(), value) for each in messages if (value := each.value()) is not None]
        if not taken:
            continue
        matches = model.find_matches([value for _key, value in taken])
        for (key, value), is_match in zip(taken, matches, strict=True):
            if is_match:
                producer.produce(place.matches, value, key)
        producer.flush()
        consumer.commit(asynchronous=False)


if __name__ == "__main__":
    main()
