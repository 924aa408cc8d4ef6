"""The queries that a good newsroom has today: one per label, over the whole article.

Written from seeds/README.md's rules for the labels and from general knowledge of the beat, as a
news librarian would in an afternoon, before anything was measured; not tuned since.

How to read a query: a string is a list of phrases of which any may stand; `?` is one letter and
`*` any number of them. Words are compared without case, punctuation, hyphens and possessives, so
"t?hr*k ? tal?ban" finds Tehreek-e-Taliban and Tahrik-i-Taleban.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from itertools import product

from service.classifier import Labelling
from service.messages import Article

# The numbers of the words by which a query holds at one place of an article.
Place = frozenset[int]
# Words of an article (`fold_words`) -> the places where the query holds; it holds if there is any.
Query = Callable[[str], set[Place]]


def fold_words(text: str) -> str:
    """Put the words of a text between single blanks, for queries to search.

    Combining marks stay: Hindi's vowels are such.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    folded = re.sub(r"['’]s\b", "", folded)
    letters = (
        mark if mark.isalnum() or unicodedata.category(mark).startswith("M") else " "
        for mark in folded
    )
    return f" {' '.join(''.join(letters).split())} "


def any_of(*parts: Query | str) -> Query:
    """Hold where one part does."""
    queries = [_read(part) for part in parts]
    return lambda words: set().union(*(query(words) for query in queries))


def all_of(part: Query | str, *gates: Query | str) -> Query:
    """Hold where a part does, if every gate holds somewhere in the article."""
    query, conditions = _read(part), [_read(gate) for gate in gates]
    return lambda words: query(words) if all(gate(words) for gate in conditions) else set()


def near(first: Query | str, second: Query | str, *, within: int) -> Query:
    """Hold where two parts are at most `within` words apart, in either order.

    One word is not near itself: a phrase that both parts list must come twice.
    """
    one, other = _read(first), _read(second)
    return lambda words: {
        place | neighbour
        for place, neighbour in product(one(words), other(words))
        if not place & neighbour and _is_close(place, neighbour, within)
    }


def far(part: Query | str, others: Query | str, *, within: int) -> Query:
    """Hold where a part does with none of the others at it or at most `within` words away."""
    one, other = _read(part), _read(others)

    def find(words: str) -> set[Place]:
        excluded = other(words)
        return {
            place
            for place in one(words)
            if not any(_is_close(place, neighbour, within) for neighbour in excluded)
        }

    return find


def absent(part: Query | str) -> Query:
    """Hold when a part is nowhere in the article, at no place: a gate for `all_of`."""
    query = _read(part)
    return lambda words: set() if query(words) else {frozenset()}


def _is_close(place: Place, neighbour: Place, within: int) -> bool:
    return any(abs(one - other) <= within for one, other in product(place, neighbour))


@cache
def _read(part: Query | str) -> Query:
    if not isinstance(part, str):
        return part
    phrases = [re.escape(" ".join(phrase.casefold().split())) for phrase in part.split(",")]
    either = unicodedata.normalize("NFKC", "|".join(phrases)).replace(r"\ ", " ")
    either = either.replace(r"\*", "[^ ]*").replace(r"\?", "[^ ]")
    pattern = re.compile(f"(?<= )(?:{either})(?= )")

    def find(words: str) -> set[Place]:
        places = set()
        for match in pattern.finditer(words):
            first = words.count(" ", 0, match.start()) - 1
            places.add(frozenset(range(first, first + match[0].count(" ") + 1)))
        return places

    return find


# Places and people of the beat
PAKISTAN = (
    "pakistan*, islamabad, rawalpindi, peshawar, khyber pakhtunkhwa, kp, fata, waziristan, swat, "
    "bajaur, mohmand, orakzai, kurram, bannu, lakki marwat, dera ismail khan, quetta, balochistan, "
    "پاکستان, پاکستانی, पाकिस्तान, पाकिस्तानी"
)
AFGHANS = "afghan, afghans, afghan?n, afghane, افغان, افغانوں, افغانو, افغانان, अफगान*, अफ़ग़ान*"
AFGHANISTAN = (
    "afghan*, kabul, kaboul, kandahar, jalalabad, herat, mazar, nangarhar, tal?ban, muttaqi, "
    "karzai, ashraf ghani, abdullah abdullah, "
    "افغان*, کابل, طالبان, अफगान*, अफ़ग़ान*, काबुल, तालिबान"
)
INDIA = "india, indian, indians, new delhi, delhi, modi, jaishankar, doval, misri"
INDIA_ELSEWHERE = (
    "indien, indisch*, inde, indienne*, "
    "بھارت*, انڈیا, ہندوستان*, هند, هندوستان, دہلی, دهلی, भारत*, दिल्ली"
)
SPORT = (
    "cricket*, wicket*, odi, odis, t20*, batsm?n, batter*, bowler*, innings, football*, world cup"
)

# ttp: unmistakable names, doubtful ones gated by Pakistan, the Taliban of Pakistani places
TTP_FULL = (
    "t?hr*k ? tal?ban*, t?hr*k ul tal?ban*, t?hr*k tal?ban*, pakistani tal?ban, pakistan tal?ban, "
    "tal?ban movement of pakistan, tal?ban movement in pakistan, jama*t ul ahrar, "
    "jama*tul ahrar, noor wali mehsud, nur wali mehsud, hakimullah mehsud, baitullah mehsud, "
    "mullah fazlullah, maulana fazlullah, pakistanische* taliban, talibans pakistanais, "
    "تحریک طالبان پاکستان, پاکستانی طالبان, طالبان پاکستان, طالبان پاکستانی, ٹی ٹی پی, تی تی پی, "
    "ټي ټي پي, ټی ټی پی, टीटीपी, तहरीक ए तालिबान, पाकिस्तानी तालिबान"
)
TTP_SHORT = "ttp, fitna* ?? khaw*rij, fitna* khaw*rij, fitna* ?? khw*rij, khaw*rij*, khw*rij*"
OTHER_TTP = (
    "thrombo*, purpura, platelet*, adamts13, plasma exchange, tactics, techniques and procedures, "
    "malware, phishing, ransomware, mitre, hackers, third party, escrow, cryptograph*, blockchain"
)
TTP_ALL = any_of(TTP_FULL, TTP_SHORT)
ISKP = "iskp, isis k, is k, isk, daesh, islamic state, islamic state khorasan"
DEFECTED = "former, formerly, ex, once, defect*, splinter*, split from, broke away, breakaway"
TTP = all_of(
    any_of(
        TTP_FULL,
        all_of(far(TTP_SHORT, OTHER_TTP, within=40), PAKISTAN),
        near(
            far("tal?ban, talib", "afghan, afghanistan, kabul", within=3),
            "swat, peshawar, waziristan, bajaur, mohmand, orakzai, malakand, south waziristan",
            within=6,
        ),
    ),
    # A story of Islamic State that names the TTP only as where its men come from.
    absent(near(near(DEFECTED, TTP_ALL, within=5), ISKP, within=25)),
)

# deportation: Afghans near expulsion, in its many words
EXPULSION = (
    "deport*, expel*, expuls*, evict*, forced return*, forced repatriation*, forcib* return*, "
    "forcib* repatriat*, forcible, forced out, forced to leave, forced to return, forced back, "
    "ordered to leave, told to leave, made to leave, removal flight*, refoulement, push* back, "
    "crackdown*, round* up, undocumented, unregistered, illegal* resid*, illegal* living, "
    "abschieb*, abgeschoben*, ausgewiesen*, renvoy*, reconduit*, "
    "ملک بدر*, بے دخل*, ڈی پورٹ, اخراج, رد مرز, شړل*, ایستل*, निर्वास*, निष्कास*, वापस भेज*"
)
LEAVE = "deadline, leave the country, leave pakistan, leave iran, leave by, go home or"
PAPERS = "afghan citizen card*, acc holder*, acc, por card*, por holder*, proof of registration"
STATUS = "temporary protected status, tps, protected status, parole, residence permit*"
ENDED = "end, ends, ended, ending, terminat*, revok*, expir*, cancel*, strip*, lose, losing, lost"
DEPORTATION = any_of(
    far(
        near(AFGHANS, EXPULSION, within=10),
        any_of(SPORT, "diplomat*, ambassador*, envoy*"),
        within=8,
    ),
    near(AFGHANS, LEAVE, within=12),
    near(near(AFGHANS, "illegal*, mass, forc*, drive", within=6), "repatriat*", within=8),
    far(
        near(
            "deport*, sent back, send* back, forc* return*, removal flight*, removed",
            "to afghanistan, to kabul, nach afghanistan, nach kabul, vers kaboul",
            within=6,
        ),
        SPORT,
        within=40,
    ),
    "illegal foreigner* repatriation",
    all_of(
        near(
            PAPERS,
            any_of(ENDED, EXPULSION, "leave, deadline, repatriat*, arrest*, detain*"),
            within=15,
        ),
        "afghan*",
    ),
    near(near(STATUS, ENDED, within=12), "afghan*", within=25),
)

# border: a crossing or the line, near something that happens at it
CROSSINGS = (
    "torkham, turkham, torkhum, spin b?ldak, ang*r ad*a, kharlachi, bab e dosti, "
    "طورخم, تورخم, سپین بولدک, तोरखम"
)
NAMESAKES = "chaman, ghulam khan, friendship gate, چمن, चमन"  # People, a garden, other gates.
LINE = (
    "durand line, durand, pak afghan border*, pak afghan frontier, pakistan afghan* border*, "
    "afghan* pakistan* border*, pakistani afghan border*, af pak border*, border between pakistan "
    "and afghanistan, border between afghanistan and pakistan, border with afghanistan, afghan "
    "border, border with pakistan, durand linie, ligne durand, afghanisch pakistanische* grenze, "
    "frontière pakistano afghane, frontière afghano pakistanaise, پاک افغان سرحد, ڈیورنڈ*, دیورند, "
    "ډیورنډ, डूरंड*, पाक अफगान सीमा"
)
AT_BORDER = (
    "clos*, reopen*, open, opens, opened, opening, seal*, shut*, block*, stranded, truck*, "
    "crossing*, crossed, cross, crosses, pedestrian*, customs, terminal, gate, visa*, passport*, "
    "document*, fence, fences, fenced, fencing, infiltrat*, clash*, skirmish*, exchange* of fire, "
    "exchanged fire, gunfire, firing, shell*, shelling, mortar*, airstrike*, air strike*, raid*, "
    "incursion*, recogni*, dispute*, colonial, demarcat*, trade, convoy*, supplies, "
    "grenz*, geschlossen, fermé*, rouv*, بند, کھول*, بسته, باز, تړل*, बंद, खोल*"
)
STRIKES = (
    "airstrike*, air strike*, drone strike*, drones, jets, warplane*, shell*, mortar*, rockets"
)
ACROSS = (
    "khost, paktika, kunar, nangarhar, inside afghanistan, in afghanistan, afghan territory, "
    "afghan airspace, afghan village*, afghan side, in kabul, on kabul"
)
OTHER_BORDER = "texas, mexic*, rio grande, iran*, tajik*, uzbek*, turkmen*, iraq*, china, chinese"
BORDER = any_of(
    near(
        any_of(CROSSINGS, all_of(NAMESAKES, any_of(PAKISTAN, AFGHANISTAN))),
        any_of(AT_BORDER, "border*, frontier"),
        within=10,
    ),
    all_of(far(near(LINE, AT_BORDER, within=12), OTHER_BORDER, within=4), PAKISTAN, AFGHANISTAN),
    near("durand", "border*, frontier, line, linie, ligne", within=10),
    near(near(STRIKES, "pakistan*", within=12), ACROSS, within=20),
    all_of(
        far(
            near("cross border, across the border, over the border", AT_BORDER, within=10),
            any_of(OTHER_BORDER, "terrorism"),
            within=6,
        ),
        "pakistan*",
        "afghan*",
    ),
)

# india_ties: India near Afghanistan, near what states do with each other
STATECRAFT = (
    "embassy, consulate*, mission, missions, diplomat*, envoy*, ambassador*, visa*, scholarship*, "
    "wheat, aid, humanitarian, medicine*, vaccine*, relief, trade, export*, import*, corridor, "
    "freight, recogni*, met, meet*, talks, visit*, delegation*, bilateral, ties, relations, "
    "cooperation, dam, parliament, invest*, reconstruct*, project*, partnership, support*, "
    "condemn*, minister*, accus*, blam*, alleg*, collu*, nexus, raw"
)
EPITHET = (
    "indian prox*, india prox*, indian sponsored, india sponsored, indian backed, india backed"
)
INDIA_ITSELF = far(INDIA, EPITHET, within=0)
INDIA_TIES = any_of(
    far(near(near(INDIA_ITSELF, AFGHANISTAN, within=8), STATECRAFT, within=8), SPORT, within=30),
    near("chabahar, chah bahar", AFGHANISTAN, within=25),
    near(INDIA_ELSEWHERE, AFGHANISTAN, within=15),
)

QUERIES: dict[str, Query] = {
    "ttp": TTP,
    "deportation": DEPORTATION,
    "border": BORDER,
    "india_ties": INDIA_TIES,
}


class BooleanQueries:
    """Alerts on an article when a query holds over its title and text.

    Args:
        names: the labels, in the order of the model it is compared with; QUERIES has each.
    """

    threshold = 0.5  # Any number between "does not hold", 0, and "holds", 1.

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self._queries = {name: QUERIES[name] for name in names}

    def label_article(self, article: Article) -> Labelling:
        """Give 1 or 0 for each label; a query has no passages to show."""
        words = fold_words(f"{article.title}\n{article.text}")
        return Labelling(
            {name: float(bool(query(words))) for name, query in self._queries.items()}, []
        )
