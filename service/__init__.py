"""Beatwatch: articles in, alerts out.

The modules, in the order an article meets them:

setting_values  the values of settings that have a form of their own
quiet_hours     when a desk expects no articles; pure
settings        every BEATWATCH_* variable: unit, bound, default
accepted        what a field of an article may be, in JSON Schema
messages        what comes in: raw messages, Article, why one is rejected
examples        what the examples in the contracts are taken from
alerts          Alert: what goes out
digests         Digest: what goes out in place of alerts over budget
headers         what the Kafka headers of alerts, digests, rejections and replay notes say
formats         the bytes newsrooms send -> Article, whatever form they have
envelopes       what articles come wrapped in: CloudEvents, Confluent's prefixes, JSON
html_text       HTML -> text with its paragraphs
fields          single fields of other people's JSON, read liberally
ninjs           IPTC ninjs 1.x to 3.x, and Superdesk's dialect
ap              the Associated Press' wrapper
schema_org      schema.org NewsArticle in JSON-LD
arc             Arc XP's stories and operations on them
markup          what HTML is left in a text, blanked where it stands
boilerplate     the lines of a news page that are not its story
headlines       headlines of other stories within a text
passages        text -> passages with offsets
part_passages   an article -> the passages of its title and text
spelling        a word -> its one spelling
word_shapes     a text -> its words where they stand, in one spelling
words           a text -> its words in one spelling, with their offsets
word_bounds     what lies between words: may a term run on, does a sentence end?
term_tree       listed terms as a tree of words
term_alphabet   words to what they are to the listed terms
terms           listed terms, found in a text word by word
features        a passage -> words, listed terms, and what they say together
fitted          the fitted pipeline as plain words and numbers
texts_in_words  texts -> all their words in a row, and what lies between them
folded_words    the words' step of the fitted pipeline: word numbers in, weights out
folded_terms    the listed terms: all words at once in, the terms in them out
folded_concepts  the concepts' step of it: concepts in, weights out
slots           numbers to slots of a table
known_words     words to what each is to the pipeline, looked up all at once
scoring         the fitted pipeline, folded: its own numbers without its matrices
evidence        why an article has a label: its passages, and what in them weighs most
classifier      an article -> its labels with evidence
report_words    a report -> all its words in a row, with their places
event_days      a report -> the day of what it reports
lexicon         a word -> what it mentions by itself, and how rare that is
report_terms    the listed terms of a report, found in all its words at once
mentions        a report -> the words, names, numbers and concepts that it mentions
sketches        an article -> what it mentions, small enough to be remembered
weighed         reports with their features weighed -> how much of their leads others tell
agreement       two sketches -> in what they agree and disagree
likelihood      in what two reports agree -> how likely they tell the same news
story_index     the sketches of open stories: which tell the same news as a new one?
matches         what is handed to the desk
outcomes        the ledger: the ends that an article comes to
handling        bytes -> outcome, or a match for the desk; pure
desk_state      what the desk remembers of articles and stories
entries         a match, as what is remembered and what is published of it; pure
stories         a match -> what consumers are told; pure
budgets         alerts over budget -> one digest; pure
due_digests     which digests say what was not published yet; pure
desk_memory     what one desk has in memory: alerts, stories, due digests
dead_letters    rejections as they are kept: their headers, and how one is sent again; pure
outgoing        what an outcome owes, as messages
producers       hand messages to the broker, one after a failed one too
outbox          publish what an outcome owes and wait for the broker
stalls          alive and idle while articles wait? pure
commits         do commits advance while articles wait? pure
health          live, ready, and why not
ledger          what was read and what became of it, in numbers that add up
drift           do articles look to the model like those it was trained for? pure
drift_metrics   drift as a number shown to Prometheus
worker_metrics  the worker itself in numbers shown to Prometheus
metrics         every number shown to Prometheus
pages           /metrics /livez /readyz
outcome_lines   a line of the log for each outcome
batches         a batch of articles: decide, publish, wait for the broker, count
desk_store      write alerts and memory in one transaction, and fence others off
desk            matches -> alerts; the one writer
desks           the desks of one worker
intake          messages as Faust has them, at once and at less cost
leaving         end a worker that must not go on: nothing acknowledged
app             topics and agents: with intake and entry point the only place that knows Faust
broker          reach the broker: addresses, TLS, SASL
header_names    names of Kafka headers that are not UTF-8
topics          the topics as the service needs them: create, check, see what they hold
offset_reader   what waits of a worker's partitions, as the broker tells it
watchdog        end a worker that stalls
letter_watch    follow the dead letters: how many are open?
logs            one structured line per thing worth knowing
worker          the worker's entry point

knowledge       labels.toml: labels, concepts, conjunctions
templates       templates.toml: sentences with slots, and their twins
seeds           all that the model is trained on, read and checked
seeds_check     what in the seeds will make the model worse
terms_check     which terms of labels.toml are loose
calibration     log-odds -> probabilities; the thresholds on them
whole_articles  labelled articles -> passages with the labels that they carry
fitting         texts -> fitted pipeline
training        seeds -> model
evaluation      what is true and the probabilities -> figures with intervals
report          labelled articles and a model -> a report
comparison      two models on the same labelled articles
report_tables   a report for people to read
model_card      what the model is, how good, what it cannot do
model_file      the model on disk, verified before use
pipeline_file   the fitted pipeline on disk: equal models are equal files

asyncapi        topics and messages -> AsyncAPI
contracts       the messages -> JSON Schemas; all contracts in files
explaining      a published alert made again from its article
feeds           RSS and Atom -> articles in the native form
feed_download   fetch a feed over HTTP, within bounds
article_files   files, folders, feeds, standard input -> the articles in them
publishing      publish articles: the newsroom's side of the articles topic
progress        how far a long command has come
clients         follow and search topics: the consumer's side
moments         what people write for a moment on the command line
console         alerts, articles and rejections for people to read
story_lines     stories and digests for people to read
standings       which dead letters are open; pure
open_letters    the dead letters that are open, kept up with; pure
replaying       dead letters on the broker: read, send again, remember
audit_books     what the topics show of articles; pure
audit           does each article have what it owes? pure
auditing        read what the topics show, and audit the articles
letter_tables   dead letters for people and for programs to read
kafka_jars      Apache Kafka's jars and a Java, fetched once
kafka_ports     free ports of this machine
kafka_properties  what the embedded Kafka is told: listeners, users, certificate
embedded_kafka  a real Apache Kafka for demo and tests
worker_process  a worker in a process of its own, for demo and tests
demo            the whole path on this machine, checked
cli             the commands
newsroom_commands  that of the newsroom's side: publish
alert_commands  the one about alerts
audit_commands  the one that proves what became of each article
dlq_commands    those about dead letters
model_commands  those about the model
schema_commands  those about the contracts
config_commands  those about the settings
"""

__version__ = "0.1.0"
