"""Beatwatch: articles in, alerts out.

The modules, in the order an article meets them:

settings        every BEATWATCH_* variable: unit, bound, default
messages        Article, Alert, Rejection: the wire contracts
formats         the bytes newsrooms send -> Article
passages        text -> passages with offsets; boilerplate left out
classifier      an article -> its labels with evidence
handling        bytes -> outcome; pure
outbox          publish what an outcome owes and wait for the broker
metrics         every number shown to Prometheus
health          live, ready, and why not; serves /metrics /livez /readyz
batches         a batch of articles: decide, publish, wait for the broker, count
app             topics and agent: with the entry point the only place that knows Faust
broker          reach the broker: addresses, TLS, SASL
topics          the topics as the service needs them: create and check
logs            one structured line per thing worth knowing
worker          the worker's entry point

seeds           read and check what the model is trained on
training        seeds -> model and threshold
evaluation      labels against decisions -> figures
model_card      what the model is, how good, what it cannot do
model_file      the model on disk: equal models are equal files, verified before use

clients         publish articles, follow topics: the newsroom's and the consumer's side
console         alerts, articles and rejections for people to read
kafka_jars      Apache Kafka's jars and a Java, fetched once
embedded_kafka  a real Apache Kafka for demo and tests
worker_process  a worker in a process of its own, for demo and tests
demo            the whole path on this machine, checked
cli             the commands
"""

__version__ = "0.1.0"
