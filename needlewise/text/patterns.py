"""Where a text holds a phone number, an e-mail address, a home address, a date of birth or an account number.

Every function yields (start, end) pairs in the order of the text. Repeats are bounded, so the time grows with the length
of the text and nothing else. Missing one is worse than finding one too many.
"""

import re
from collections.abc import Iterator

Span = tuple[int, int]

_I = re.IGNORECASE

# ---- e-mail

_MAIL_NAME = r"(?<![\w.%+'-])[\w.%+'-]{1,256}"
_TLD = r"(?:com|net|org|edu|gov|us|uk|ca|co|io|me|info|biz|mail)"
_MAIL_HOSTS = (
    r"(?:g\s?mail|googlemail|yahoo|ymail|hot\s?mail|out\s?look|live|msn|aol|i\s?cloud|mac"
    r"|comcast|verizon|att|sbcglobal"
    r"|bellsouth|cox|charter|proton\s?mail|proton|zoho|fastmail|mail|gmx)"
)
_DOT = r"(?:\s?\.\s?|\s(?:dot|punto|period)\s|\s?[\[(]dot[\])]\s?)"
_AT = r"(?:\s(?:at|arroba)\s|\s?[\[(]at[\])]\s?|\s{0,2}@\s{0,2})"
_MAILS = (
    re.compile(
        rf"{_MAIL_NAME}@(?:[a-z]|(?=[\w-]{{0,62}}\.[a-z]))[\w-]{{0,62}}(?:\.[\w-]{{1,63}}){{0,4}}", _I
    ),
    re.compile(rf"{_MAIL_NAME}\s{{0,2}}@\s{{0,2}}[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{0,3}}{_DOT}{_TLD}\b", _I),
    # "kara dot finch at gmail dot com": the host is known, so the words before it are a name.
    re.compile(
        rf"(?<![\w%+-])[\w%+-]{{1,40}}(?:(?:\s?\.\s?|\s(?:dot|underscore|dash"
        rf"|punto)\s)[\w%+-]{{1,40}}){{0,3}}{_AT}"
        rf"{_MAIL_HOSTS}(?:{_DOT}{_TLD}\b|(?![\w.]))",
        _I,
    ),
)
# "jjones at work dot com" may as well be a website; it takes a word about mail, or an odd name, to be an address.
_MAIL_PERHAPS = re.compile(
    rf"(?<![\w%+.-])[\w%+.-]{{1,64}}{_AT}[\w-]{{2,40}}(?:{_DOT}[\w-]{{2,40}}){{0,2}}{_DOT}{_TLD}\b", _I
)
_MAIL_WORD = re.compile(r"\b(?:e-?mails?|correo|send|write|reach me|mail me|contact me|inbox)\b", _I)
_ODD_NAME = re.compile(r"\w{0,64}[\d._]")
_NEAR = 40


def find_emails(text: str) -> Iterator[Span]:
    """E-mail addresses, also half spelled out: "kara dot finch at gmail dot com", "lou @ yahoo.com"."""
    for pattern in _MAILS:
        for match in pattern.finditer(text):
            yield match.span()
    for match in _MAIL_PERHAPS.finditer(text):
        if _ODD_NAME.match(match[0]) or _MAIL_WORD.search(text, max(0, match.start() - _NEAR), match.start()):
            yield match.span()


# ---- phone

_SEP = r"[\s.\-\u2010-\u2015/_*]{0,3}"
_DIGIT = r"[\doO]"
_EXTENSION = r"(?:\s{0,2},?\s{0,2}(?:ext|extension|x)\.?\s{0,2}\d{1,6}\b)?"
_UNIT = (
    r"(?!\s{0,2}(?:mg|mcg|iu|ml|units?|steps?|cal(?:ories)?|dollars?|bucks?|usd|feet|ft|hz"
    r"|people|words|lbs?|pounds?|kg|times)\b)"
)
_DIGIT_WORD = (
    r"(?:zero|oh|o|one|two|three|four|five|six|seven|eight|nine|double|triple|cero|uno|dos"
    r"|tres|cuatro|cinco|seis|siete|ocho|nueve)"
)
_PHONES = (
    re.compile(
        rf"(?<![\w.$])(?:\+?1{_SEP})?(?:[(\[]\s?)?[2-9]{_DIGIT}{{2}}\s?[)\]]?{_SEP}{_DIGIT}{{3}}{_SEP}{_DIGIT}{{4}}(?![\dO]){_EXTENSION}"
    ),
    re.compile(rf"(?<!\w)\((?:\+?1{_SEP})?[2-9]\d{{2}}{_SEP}\d{{3}}{_SEP}\d{{4}}\)"),
    re.compile(r"(?<![\w])(?:\+|00)\s?\d{1,3}(?:[\s.\-()/]{0,2}\d{1,5}){2,6}(?!\d)"),
    re.compile(rf"(?<![\w$.\-/])[2-9]\d{{2}}[-.\u2010-\u2015]\d{{4}}(?![\w]|[-./]\d){_UNIT}{_EXTENSION}", _I),
    re.compile(
        rf"\b{_DIGIT_WORD}(?:[\s,.\-]{{1,3}}(?:{_DIGIT_WORD}"
        rf"|\d{{1,4}})){{2,24}}[\s,.\-]{{1,3}}(?:{_DIGIT_WORD}|\d{{1,4}})\b",
        _I,
    ),
    re.compile(r"(?<![\w/])\d(?:[ .\-]{1,2}\d){6,10}(?![\w/]|[ .\-]{1,2}\d)"),
)
_PHONE_WORD = re.compile(
    r"\b(?:call|text|txt|phone|ph|cell|mobile|numb?er|num|no|reach|dial|tel|telephone|telefono"
    r"|tel[eé]fono|celular|n[uú]mero|fax|contact"
    r"|whatsapp|ring|msg|message|sms|digits|landline|work"
    r"|home)\b[^\d\n]{0,25}?(?P<number>[(+]{0,2}\d(?:[\s.\-/()]{0,3}\d){6,14})"
    rf"(?!\d|\s?[-/.]\d|\w){_UNIT}{_EXTENSION}",
    _I,
)
_WORDS = re.compile(r"[^\W_]+")
_LEAST_DIGITS = 7
_MOST_DIGITS = 15


def find_phones(text: str) -> Iterator[Span]:
    """Phone numbers as people type them: ten digits, seven, with a country code, an extension, or in words."""
    for pattern in _PHONES:
        for match in pattern.finditer(text):
            if _LEAST_DIGITS <= _digits_said(match[0]) <= _MOST_DIGITS + 6:
                yield match.span()
    for match in _PHONE_WORD.finditer(text):
        yield match.start("number"), match.end()


def _digits_said(text: str) -> int:
    """How many digits, counting "four" as one."""
    return sum(
        sum(sign.isdigit() or sign in "oO" for sign in word) if word[0].isdigit() else 1
        for word in _WORDS.findall(text)
    )


# ---- numbers that open an account

_VALUE = r"(?P<value>[#]?(?=[\w-]{0,24}\d)[a-z\d][a-z\d-]{2,24}(?:\s\d{2,6}\b){0,3})(?![\w/])"
_NUMBERS = (
    re.compile(r"(?<![\w-])\d{3}[- .]\d{2}[- .]\d{4}(?![\w-])"),  # a social security number
    re.compile(r"(?<!\w)(?:\d{4}[ -]?){3}\d{1,7}(?!\w)"),  # a card
    re.compile(r"(?<!\w)3[47]\d{2}[ -]?\d{6}[ -]?\d{5}(?!\w)"),
    re.compile(r"(?<!\w)[1-9][a-z][a-z\d]\d[- ]?[a-z][a-z\d]\d[- ]?[a-z]{2}\d{2}(?!\w)", _I),  # Medicare
    re.compile(r"(?<!\w)[a-z]{1,5}-?\d{6,16}[a-z]?\d{0,3}(?!\w)", _I),
    re.compile(r"(?<![\w$.])\d{6,14}[a-z]{1,3}\d{0,3}(?!\w)(?<!mg)(?<!st)(?<!nd)(?<!rd)(?<!th)", _I),
    re.compile(r"(?<![\w@./])(?=(?:[a-z]{0,8}\d){5})(?=\d{0,12}[a-z])[a-z\d]{8,20}(?![\w@])", _I),
)
_LONG_NUMBER = re.compile(r"(?<![\w$.,+])(?:\d{7,9}|\d{11,}|[01]\d{9})(?![\w,%]|\.\d)")
_ACCOUNT = (
    r"(?:ssn|social(?:\ssecurity)?|member(?:ship)?|subscriber|policy|group|grp|insurance|ins"
    r"|medicare|medicaid|tricare|claim|account|acct"
    r"|mrn|medical\srecord|chart|patient|auth(?:orization)?|driver'?s?\slicen[sc]e|licen[sc]e"
    r"|dl|passport|card|debit|credit|visa"
    r"|mastercard|amex|routing|bcbs|blue\s(?:cross|shield)|aetna|cigna|humana|uhc|united"
    r"|kaiser|hsa|fsa|id|mbi|rx\s?bin)"
)
_ACCOUNT_JOIN = (
    r"(?:\s?(?:id|no|num|numb?er|nbr|is|are|my|the|for|of|card|plan|security|its|it's)\b\.?|\s?[:#=-])"
)
_NUMBERS_NAMED = (
    (re.compile(rf"\b{_ACCOUNT}\b(?P<join>{_ACCOUNT_JOIN}{{0,6}})\s{{0,2}}{_VALUE}", _I), 4),
    (re.compile(r"\blast\s(?:4|four)\b[^\d\n]{0,40}(?P<value>\d{4})(?!\d)", _I), 4),
    (re.compile(r"\bending\s(?:in|with|on)\s(?P<value>\d{4})(?!\d)", _I), 4),
    (
        re.compile(
            r"\b(?:cvv2?|cvc|security\scode|pin)\b[\s:#=]{0,3}(?:is\s|code\s"
            r"|no\s){0,2}(?P<value>\d{3,4})(?!\d)",
            _I,
        ),
        3,
    ),
    (
        re.compile(
            r"\b(?:exp|expires|expiry"
            r"|expiration)\b\.?[\s:]{0,2}(?:date\s)?(?:is\s)?(?P<value>\d{1,2}\s?/\s?\d{2,4})",
            _I,
        ),
        3,
    ),
)
_NUMBER_WORD = re.compile(r"\b(?:id|no|num|numb?er|nbr)\b|#", _I)


def find_numbers(text: str) -> Iterator[Span]:
    """Numbers of cards, plans, claims and social security, by their shape or by what they are called."""
    for pattern in _NUMBERS:
        for match in pattern.finditer(text):
            yield match.span()
    for pattern, least in _NUMBERS_NAMED:
        for match in pattern.finditer(text):
            value = match["value"]
            digits = sum(map(str.isdigit, value))
            named = "join" not in match.groupdict() or bool(
                _NUMBER_WORD.search(match[0], 0, match.start("value") - match.start())
            )
            # "insurance 2024" is a year: without "number" or "id" it takes six signs of which four are digits.
            if digits >= least and (named or (len(value) >= 6 and digits > 4) or digits < len(value) - 1):
                yield match.span("value")


def find_long_numbers(text: str) -> Iterator[Span]:
    """Runs of seven digits and more, whatever they count."""
    for match in _LONG_NUMBER.finditer(text):
        yield match.span()


# ---- address

_STATE_NAMES = (
    r"alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|georgia"
    r"|hawaii|idaho|illinois|indiana|iowa|kansas"
    r"|kentucky|louisiana|maine|maryland|massachusetts|michigan|minnesota|mississippi|missouri"
    r"|montana|nebraska|nevada|ohio|oklahoma"
    r"|oregon|pennsylvania|tennessee|texas|utah|vermont|virginia|washington|wisconsin|wyoming"
    r"|(?:north|south)\s(?:carolina|dakota)|new\s(?:hampshire|jersey|mexico|york)"
    r"|west\svirginia"
)
_STATE_CODES = (
    r"A[LKZR]|C[AOT]|D[CE]|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|PA|RI"
    r"|S[CD]|T[NX]|UT|V[TA]|W[AVIY]"
)
_PLAIN_CODES = r"a[kz]|c[at]|d[ce]|fl|ga|il|k[sy]|m[dnst]|n[cdhjmvy]|ri|s[cd]|t[nx]|ut|v[at]|w[aivy]"
_ZIP = r"\d{5}(?:-\d{4})?(?!\d)"
_NO_NAME = (
    r"(?!(?:min(?:ute)?s?|hours?|hrs?|days?|weeks?|wks?|months?|mos?|years?|yrs?|miles?|mi|km"
    r"|k|blocks?|feet|ft|inch(?:es)?|steps?|sets?|reps?"
    r"|times?|visits?|sessions?|different|other|more|good|bad|big|small|long|short|hard|easy"
    r"|half|sore|trigger|pain|painful|of|the|a|an|in|on"
    r"|to|and|or|is|are|was|for|my|your|his|her|their|our|this|that|it|i|we|you|at|from|with"
    r"|by|per|if|but|so|not|do|does|can|will|am|pm"
    r"|x|percent|dollars?|bucks?|pairs?|runs?|laps?|people|kids?|doctors?|drs?|pts?|needles?"
    r"|weekly|daily|year-old|yo|mg|lbs?|pounds?"
    r"|out|off|when|have|had|has|been|around|about|after|before|walk(?:ing)?|running|drive"
    r"|each|every|mile-)\b)"
)
_STREET_WORD = rf"{_NO_NAME}[^\W_][\w'.-]{{0,20}}"
_SURE_STREET = (
    r"(?:street|str|avenue|ave?|av|boulevard|blvd|road|rd|lane|ln|circle|cir|terrace|parkway"
    r"|pkwy|highway|hwy|turnpike|tpke|alley|crossing|xing"
    r"|crescent|manor|calle|avenida|(?:county|state)\s(?:road|route|highway)\s\d{1,4}|(?:route"
    r"|rte|rt|hwy|highway|cr|sr)\s\d{1,4})"
)
_PERHAPS_STREET = (
    r"(?:st|dr|drive|ct|court|way|place|pl|plaza|trail|trl|square|sq|pike|loop|row|run|cove|cv"
    r"|path|ridge|bend|point|pt|close|view|ter|hill|park"
    r"|walk|pass|glen|hollow|commons|green|mews|landing|chase|heights|grove|gardens|estates"
    r"|creek|spring|springs|valley|meadows?)"
)
_HOUSE = r"(?<![\w$.:/#-])\d{1,6}(?:-\d{1,4})?(?:[a-d]|\s1/2)?"
_ORDINAL = r"\d{1,3}(?:st|nd|rd|th)"
_UNIT_TAIL = (
    r"(?:\.?,?\s{0,2}(?:apt|apartment|unit|suite|ste|lot|bldg|building|floor|fl|rm|room"
    r"|trailer|#)\.?\s{0,2}#?\s{0,2}[a-z]?-?\d{0,5}[a-z]?\b)?"
)
_TOWN_TAIL = (
    r"(?:\.?,?\s{1,2}(?:[^\W\d_][\w.'-]{1,20}\s){0,2}[^\W\d_][\w.'-]{1,20},?\s{1,2}"
    rf"(?:(?:(?i:{_STATE_NAMES}|{_STATE_CODES}))\.?,?\s{{1,2}}{_ZIP}|(?i:{_STATE_NAMES})\b"
    rf"|(?-i:{_STATE_CODES})\b|(?-i:{_PLAIN_CODES})\b|{_ZIP})"
    rf"|\.?,?\s{{1,2}}{_ZIP})?"
)
_DIRECTION = r"(?:(?:[nsew]|ne|nw|se|sw|north|south|east|west)\b\.?\s)?"
_DIRECTION_TAIL = r"(?:\s(?:[nsew]|ne|nw|se|sw|north|south|east|west)\b\.?)?"
_STREETS = re.compile(
    rf"{_HOUSE}\s{{1,2}}{_DIRECTION}(?:{_STREET_WORD}\s{{1,2}}){{0,4}}?(?:"
    rf"(?P<sure>(?<=\s){_SURE_STREET}\b\.?)|(?P<perhaps>(?<=\s){_PERHAPS_STREET}\b\.?(?!\s(?:{_SURE_STREET}|dr|drive|ct|court|way|pl|place)\b)))"
    rf"{_DIRECTION_TAIL}(?P<unit>{_UNIT_TAIL})(?P<town>{_TOWN_TAIL})",
    _I,
)
_HOME = (
    r"(?:liv(?:e|es|ing)|stay(?:s|ing)?|reside|residing|address|direcci[oó]n|vivo|house|home"
    r"|apartment|mail(?:ing)?|send|ship|deliver|moved|located|pick)"
)
_HOME_WORD = re.compile(rf"\b{_HOME}\b", _I)
_HOME_NUMBER = re.compile(
    r"\b(?:(?:live|lives|living|stay|staying|reside|vivo)\s(?:\w{2,5}\s){0,2}?(?:at|on|en|off)"
    r"|(?:address|direcci[oó]n)(?:\s(?:is|es|at|now|changed|to)){0,2})"
    rf"[\s:]{{1,3}}(?P<home>{_HOUSE}\s{{1,2}}{_DIRECTION}(?:{_STREET_WORD})(?:\s{_STREET_WORD}){{0,2}}{_UNIT_TAIL}{_TOWN_TAIL})",
    _I,
)
_HOME_STREET = re.compile(
    r"\b(?:live|lives|living|stay|staying|reside)\s(?:right\s|over\s|up\s|down\s"
    r"|just\s){0,2}(?:at|on|off|near)\s(?:of\s)?"
    rf"(?P<home>(?:{_STREET_WORD}\s){{1,3}}?(?:{_SURE_STREET}|drive|court|place|way|st|dr|ct"
    rf"|pl)\b\.?{_TOWN_TAIL})",
    _I,
)
_BOXES = re.compile(rf"\b(?:p\.?\s?o\.?|post\soffice)\s?box\s{{0,2}}#?\s{{0,2}}\d{{1,7}}\b{_TOWN_TAIL}", _I)
_ZIPS = re.compile(
    rf"(?:\b(?i:zip(?:\s?code)?|postal\scode|c[oó]digo\spostal)\b[\s:]{{0,3}}(?i:(?:is|es|for"
    rf"|my|me|here)\s){{0,3}}|\b(?:{_STATE_CODES}|(?i:{_STATE_NAMES}))\.?,?\s{{1,2}})"
    rf"(?P<zip>{_ZIP})(?!\w)"
)


def find_addresses(text: str) -> Iterator[Span]:
    """Streets with a house number, with the town when it follows; post boxes; zip codes that are called so."""
    for match in _STREETS.finditer(text):
        if match["sure"] or _speaks_of_home(text, match):
            yield match.span()
    for pattern in (_HOME_NUMBER, _HOME_STREET):
        for match in pattern.finditer(text):
            yield match.span("home")
    for match in _BOXES.finditer(text):
        yield match.span()
    for match in _ZIPS.finditer(text):
        yield match.span("zip")


def _speaks_of_home(text: str, match: re.Match[str]) -> bool:
    """Whether "14 birch way" is a street: capitals, a flat or a town after it, or a word about home before it."""
    if match["unit"] or match["town"]:
        return True
    name = match[0].split()[1:]
    if len(name) > 1 and name[0][0].isupper() and name[-1][0].isupper():
        return True
    return bool(_HOME_WORD.search(text, max(0, match.start() - _NEAR), min(len(text), match.end() + _NEAR)))


# ---- date of birth

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
    r"|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre)"
)
_YEAR = r"(?:(?:19|20)\d{2}|'?\d{2})"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_NUMERIC = r"\d{1,2}\s?[/.\-]\s?\d{1,2}\s?[/.\-]\s?((?:19|20)\d{2}|\d{2})(?![\d/-])"
_ISO = r"(?:19|20)\d{2}[/.\-]\d{1,2}[/.\-]\d{1,2}(?!\d)"
_WORDED = (
    rf"{_MONTH}\.?\s?(?:the\s)?{_DAY}(?:\s?,?\s?(?:of\s)?{_YEAR}(?!\d))?|{_DAY}\s(?:of\s"
    rf"|de\s)?{_MONTH}\.?(?:\s?,?\s?(?:de\s|del\s)?{_YEAR}(?!\d))?"
    rf"|{_MONTH}\.?\s?,?\s?(?:of\s)?(?:19|20)\d{{2}}"
)
_ANY_DATE = (
    rf"(?:{_NUMERIC}|{_ISO}|{_WORDED}|\d{{1,2}}\s\d{{1,2}}\s(?:(?:19|20)\d{{2}}|\d{{2}})(?!\d)"
    rf"|\d{{8}}(?!\d)|\d{{6}}(?!\d)"
    r"|\d{1,2}[/-]\d{1,2}(?![\d/-])|(?:19|20)\d{2}(?!\d))"
)
_BIRTH = (
    r"(?:d\s?\.?\s?o\s?\.?\s?b\b\.?|dates?\sof\sbirth|birth\s?date|birth\s?day|birthdate"
    r"|b-?day|born|birth|fecha\sde\snacimiento|nac[ií](?:mos|do|da)?|cumplea[nñ]os)"
)
_BORN = re.compile(
    rf"\b{_BIRTH}[\s:=,#-]{{0,4}}(?:(?:is|was|on|in|the|of|my|his|her|it's|its|es|el|en|back"
    rf"|s)\b[\s:]{{0,3}}){{0,5}}(?P<date>{_ANY_DATE})",
    _I,
)
_BORN_AFTER = re.compile(
    rf"(?<![\w/.-])(?P<date>{_ANY_DATE})[\s,.()-]{{1,4}}(?:(?:is|was|it's|as"
    rf"|that's)\s)?(?:(?:my|his|her|the|our)\s)?(?:{_BIRTH})(?!\w)",
    _I,
)
_ALONE = re.compile(rf"(?<![\w/.$-]){_NUMERIC}", _I)
_ALONE_ISO = re.compile(r"(?<![\w/.$-])((?:19|20)\d{2})[/.\-]\d{1,2}[/.\-]\d{1,2}(?!\d)")
_ALONE_WORDED = re.compile(
    rf"(?<![\w/.$-])(?:{_MONTH}\.?\s{_DAY}\s?,?\s((?:19|20)\d{{2}})|{_DAY}\s(?:of\s"
    rf"|de\s)?{_MONTH}\.?\s?,?\s(?:de\s|del\s)?((?:19|20)\d{{2}}))(?!\d)",
    _I,
)
_EVENT = re.compile(
    r"\b(?:surger(?:y|ies)|operat\w{0,5}|injur\w{0,4}|accident|diagnos\w{0,3}|broke|broken"
    r"|fractur\w{0,3}|since|start(?:ed|s)?|began|fell|sprain\w{0,3}"
    r"|replac\w{0,7}|visit|appointment|appt|seen|shot|inject\w{0,4}|scan|mri|x-?ray|until|from"
    r"|flare\w{0,2}|onset|stroke|attack)\b",
    _I,
)
_YOUNGEST = 2012
"""A full date up to this year is a birthday, unless the words before it tell of an event."""


def find_birth_dates(text: str) -> Iterator[Span]:
    """Dates that are called a birthday, and full dates that are too far back to be a visit."""
    for pattern in (_BORN, _BORN_AFTER):
        for match in pattern.finditer(text):
            yield match.span("date")
    for pattern in (_ALONE, _ALONE_ISO, _ALONE_WORDED):
        for match in pattern.finditer(text):
            year = next(int(said) for said in match.groups() if said)
            long_ago = 31 < year < 100 or 1900 <= year <= _YOUNGEST
            if long_ago and not _EVENT.search(text, max(0, match.start() - _NEAR), match.start()):
                yield match.span()
