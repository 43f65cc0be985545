"""Whether a short message is in Spanish: enough to choose the language of an urgent reply, and no more."""

import re

_WORDS = re.compile(r"[a-záéíóúüñ]+", re.IGNORECASE)
# Frequent words of each language that the other does not have ("no", "me" and "a" are in both and count for neither).
_SPANISH = frozenset(
    """el la los las un una de del que y en por para con sin mi mis tu su se lo le les al es está estoy esta soy son hay
    tengo tiene puedo puede quiero duele duelen dolor pecho pie talón talon ayuda necesito hola gracias respirar morir
    pareja pega hace desde cuando donde dónde cómo como qué cuánto cuanto cuesta muy mucho no-puedo español espanol si sí
    corazón corazon brazo sangre sangra estaba tomé tome pastillas matarme suicidarme vivir marido esposo esposa hijo hija
    aquí aqui ahora hoy siento mal fiebre usted ustedes hablan habla cita quisiera agujas pierna""".split()
)
_ENGLISH = frozenset(
    """the is are am was i my you your it this that and or of to in on for with without do does did can could will would have has
    had not don't cant can't what how when where who why please help pain heel foot hurts hurt need want they we she he his her
    if but so at from be been just any much many""".split()
)


def looks_spanish(text: str) -> bool:
    """True for "no puedo respirar" and "me duele mucho el talón", false for English with a Spanish word in it."""
    words = [word.lower() for word in _WORDS.findall(text)]
    spanish = sum(word in _SPANISH for word in words)
    english = sum(word in _ENGLISH for word in words)
    return spanish > english and spanish * 4 >= len(words)
