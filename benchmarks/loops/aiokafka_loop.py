"""A loop of aiokafka's, as its examples write it, with a batch for the model."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.loops import BATCH_ARTICLES, Place, read_place
from benchmarks.loops.stock_model import StockModel


async def run(place: Place) -> None:
    """Run the loop until the process ends."""
    model = StockModel()
    consumer = AIOKafkaConsumer(
        place.articles,
        bootstrap_servers=place.broker,
        group_id=place.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    async with AIOKafkaProducer(bootstrap_servers=place.broker, acks="all") as producer, consumer:
        while True:
            fetched = await consumer.getmany(timeout_ms=100, max_records=BATCH_ARTICLES)
            messages = [each for batch in fetched.values() for each in batch]
            if not messages:
                continue
            matches = model.find_matches([each.value for each in messages])
            sent = [
                await producer.send(place.matches, each.value, key=each.key)
                for each, is_match in zip(messages, matches, strict=True)
                if is_match
            ]
            await asyncio.gather(*sent)
            await consumer.commit()


if __name__ == "__main__":
    asyncio.run(run(read_place()))
