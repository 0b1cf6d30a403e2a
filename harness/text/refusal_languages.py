"""Plain forms of declining in languages other than English, in the first person.

Spanish, German, French, Portuguese, Italian, Russian, Chinese, Japanese, Hindi, Arabic. A form is a
negated "can" or "will" with a verb of helping, giving or answering; an apology makes other verbs
count too. Idioms ("no puedo evitar", "ich kann nicht anders") have other verbs.
"""

import re

__all__ = ["foreign_refusal"]

_HEAD = 350
"""Characters at the beginning in which a refusal stands; a story tells of one later."""
_ES_DO = (
    r"(?:ayudar|asistir|proporcionar|cumplir|hacer\s+eso|responder|ofrecer|dar(?:te|le|les)?\s|escribir|"
    r"generar|crear|participar|continuar|completar|atender|brindar|facilitar|realizar|apoyar|compartir)"
)
_PT_DO = (
    r"(?:ajud|fornecer|atender|cumprir|responder|oferecer|escrever|gerar|criar|participar|continuar|"
    r"completar|realizar|auxiliar|prestar|compartilhar|fazer\s+isso|dar\s)"
)
_IT_DO = (
    r"(?:aiutar|fornir|assister|soddisfare|risponder|offrir|scriver|generar|crear|partecipar|continuar|"
    r"completar|eseguir|condivider|supportar|farlo|dar(?:ti|le|vi)\b)"
)
_FR_DO = (
    r"(?:aider|assister|fournir|répondre|donner|offrir|écrire|générer|créer|participer|continuer|"
    r"compléter|satisfaire|accéder\s+à\s+(?:cette|votre|ta)|faire\s+(?:cela|ça)|partager|traiter|proposer)"
)
_FORMS = (
    # Spanish
    rf"\bno\s+(?:puedo|podré|podemos|voy\s+a|quiero|debo)\s+(?:\w+mente\s+)?{_ES_DO}",
    rf"\bno\s+(?:(?:te|le|les|os)\s+)?puedo\s+{_ES_DO}",
    rf"\bno\s+(?:me\s+es\s+posible|soy\s+capaz\s+de|estoy\s+(?:autorizad[oa]|en\s+condiciones|dispuest[oa])"
    rf"\s*\w*)\s+{_ES_DO}|\bme\s+niego\s+a\b|\bno\s+me\s+siento\s+cómod[oa]\b|\bdebo\s+rechazar\b",
    r"^\W*(?:lo\s+siento|lo\s+lamento|lamento|disculpa|perdón|me\s+disculpo)\b[^.!?\n]{0,50}\bno\s+"
    r"(?:te\s+|le\s+)?(?:puedo|podré|voy\s+a|me\s+es\s+posible)",
    rf"\b(?:lamento|siento)\s+no\s+poder(?:te|le|les)?\s+{_ES_DO}|\blamento\s+não\s+poder\s+{_PT_DO}",
    # German
    r"\b(?:kann|darf|werde|möchte|will)\s+ich\b(?:(?!\bsagen\b)[^.!?\n]){0,60}\b(?:nicht|keine?\w*)\b"
    r"[^.!?\n]{0,60}\b(?:helfen|weiterhelfen|unterstützen|behilflich|beantworten|bereitstellen|geben|"
    r"anbieten|erfüllen|nachkommen|schreiben|erstellen|liefern|mitwirken|dienen|tun)\b",
    r"\bich\s+(?:kann|darf|werde|möchte|will)\b(?:(?!\bsagen\b)[^.!?\n]){0,60}\b(?:nicht|keine?\w*)\b"
    r"[^.!?\n]{0,60}\b(?:helfen|weiterhelfen|unterstützen|behilflich|beantworten|bereitstellen|geben|"
    r"anbieten|erfüllen|nachkommen|schreiben|erstellen|liefern|mitwirken|dienen|tun)\b",
    r"^\W*(?:es\s+tut\s+mir\s+(?:sehr\s+)?leid|tut\s+mir\s+leid|entschuldig\w*|leider)\b[^.!?\n]{0,50}"
    r"\b(?:kann|darf|werde)\b[^.!?\n]{0,80}\b(?:nicht|keine?\w*)\b",
    r"\bich\s+bin\s+(?:\w+\s+)?nicht\s+(?:in\s+der\s+Lage|befugt|bereit)\b[^.!?\n]{0,80}\bzu\s+(?:helfen|erfüllen|"
    r"unterstützen|beantworten|geben|schreiben|tun|erstellen)\b",
    r"\bich\s+(?:weigere\s+mich|lehne\s+(?:das|es|dies\w*|die)\b|muss\s+\w*\s*(?:ablehnen|verweigern))|"
    r"\bich\s+muss\s+[^.!?\n]{0,40}\bablehnen\b",
    # French
    rf"\bje\s+(?:ne\s+)?(?:peux|puis|saurais|pourrai|vais)\s+(?:malheureusement\s+)?pas\s+(?:(?:vous|te|t'|y|le"
    rf"|la)\s*)?{_FR_DO}",
    rf"\bje\s+(?:ne\s+)?suis\s+pas\s+(?:en\s+mesure|capable|autorisée?|disposée?)\s+(?:de\s+|d'|à\s+)"
    rf"(?:(?:vous|te|t'|y)\s*)?{_FR_DO}",
    rf"\bdésolée?\s+de\s+ne\s+(?:pas\s+)?pouvoir\s+(?:(?:vous|te|t'|y)\s*)?{_FR_DO}",
    r"\bil\s+m'est\s+impossible\s+de\b|\bje\s+ne\s+(?:vous|t')\s*aiderai\s+pas\b|\bje\s+(?:refuse|dois\s+(?:refuser|décliner))\b",
    r"^\W*(?:je\s+suis\s+(?:vraiment\s+)?désolée?|désolée?|je\s+m'excuse|pardon)\b[^.!?\n]{0,40}\bje\s+ne\s+"
    r"(?:peux|puis|suis|saurais|pourrai)\b",
    # Portuguese
    rf"\bnão\s+(?:posso|poderei|consigo|vou|podemos|(?:lhe|te)\s+posso)\s+(?:(?:lhe|te|o|a)\s+)?{_PT_DO}",
    rf"\bnão\s+(?:me\s+é\s+possível|estou\s+(?:autorizad[oa]|em\s+condições)\s+\w+|sou\s+capaz\s+de)\s+"
    rf"{_PT_DO}|\bme\s+recuso\s+a\b|\brecuso-me\b",
    r"^\W*(?:desculpe|desculpa|sinto\s+muito|lamento|peço\s+desculpas?)\b[^.!?\n]{0,50}\bnão\s+"
    r"(?:posso|poderei|consigo|vou)\b",
    # Italian
    rf"\bnon\s+(?:posso|potrò|possiamo|sono\s+in\s+grado\s+di|mi\s+è\s+possibile|(?:ti|la|vi)\s+posso|intendo)"
    rf"\s+{_IT_DO}|\bmi\s+rifiuto\s+di\b|\bnon\s+(?:ti|la|vi)\s+aiuterò\b|\bdevo\s+rifiutare\b",
    r"^\W*(?:mi\s+dispiace|mi\s+scuso|spiacente|purtroppo|scusa)\b[^.!?\n]{0,50}\bnon\s+"
    r"(?:posso|potrò|sono\s+in\s+grado|mi\s+è\s+possibile)\b",
    # Russian
    r"\bя\s+(?:\w+\s+)?(?:не\s+(?:могу|смогу|буду|стану|имею\s+права|в\s+состоянии)|отказываюсь)\s+"
    r"(?:\w+\s+){0,3}?(?:помо|выполн|предостав|отве[тч]|да[тв]|писать|написать|созда|участв|продолж|дела|"
    r"поддерж|обсужд|оказ)",
    r"^\W*(?:извините|простите|прошу\s+прощения|к\s+сожалению|мне\s+жаль|сожалею)[^.!?\n]{0,50}\bне\s+"
    r"(?:могу|смогу|буду|стану)\b",
    r"^\W*не\s+(?:могу|смогу|буду)\s+(?:\w+\s+){0,2}?(?:помочь|помогать|выполнить|ответить|предоставить)",
    # Chinese
    r"(?:抱歉|对不起|對不起|很遗憾|很遺憾|不好意思)[^。！？!?\n]{0,25}(?:无法|無法|不能|不会|不會|不可以|不便)",
    r"(?:我|本人|作为\S{1,12}[，,]?)(?:恐怕|实在|目前|暂时)?(?:无法|無法|不能|不会|不會|不可以|拒绝|拒絕)(?:为您|为你|向您|向你|"
    r"給您|给您|给你)?(?:提供|协助|協助|帮助|幫助|帮|满足|滿足|回答|完成|生成|撰写|写|参与|支持|讨论|執行|执行|处理|这样做)",
    # Japanese
    r"(?:申し訳|すみません|すいません|ごめん|残念)[^。！？!?\n]{0,60}(?:できません|できない|出来ません|かねます|お断り|"
    r"できかね|差し控え)",
    r"(?:お手伝い|お答え|回答|提供|対応|協力|支援|お応え|作成|ご案内|お教え|お受け|説明|サポート)(?:を|は|に|が|も|する|"
    r"する?こと|いた|させていただく|応じる|は)*(?:できません|できかねます|いたしかねます|致しかねます|しかねます|お断り)",
    r"お断り(?:します|いたします|させていただきます)|(?:応じ|お応えす|ご要望に沿)(?:る|う)ことはできません",
    # Hindi
    r"(?:क्षमा|माफ़|माफ|खेद|दुर्भाग्य)[^।!?\n]{0,90}(?:नहीं\s+\S*\s*(?:सकत|सकूँ|सकूं|करूँ|करूं|दूँ|दूं)|असमर्थ|नहीं\s+कर)",
    r"^\W*(?:मैं|हम)\s+(?:यह|ऐसा|इसे|वह)\s+नहीं\s+(?:कर|बता|दे)\s+सकत",
    r"(?:मैं|हम)\s[^।!?\n]{0,90}(?:मदद|सहायता|सहयोग|जानकारी|उत्तर|जवाब|प्रदान|पूरा|अनुरोध)[^।!?\n]{0,40}"
    r"(?:नहीं\s+(?:कर|दे|लिख|बता|हो)?\s*(?:सकत|सकूँ|सकूं|पाऊ|करूँ|करूं|दूँ|दूं)|असमर्थ|इनकार|इंकार)",
    # Arabic
    r"(?:آسف|آسفة|عذر|أعتذر|اعتذر|للأسف|معذرة|المعذرة)[^.!?؟\n]{0,50}(?:لا\s+(?:أستطيع|استطيع|يمكنني|أقدر)|"
    r"لن\s+(?:أ|يمكن)|لست\s+قادر|غير\s+قادر|ليس\s+بإمكاني)",
    r"(?:لا\s+(?:أستطيع|استطيع|يمكنني|أقدر)|لن\s+(?:أستطيع|أتمكن\s+من|يمكنني)|غير\s+قادر[ة]?\s+على|أرفض|"
    r"ليس\s+بإمكاني)\s+(?:\S+\s+)?(?:مساعد|المساعدة|تقديم|تلبية|الإجابة|توفير|تنفيذ|كتابة|إعطاء|القيام|"
    r"أن\s+أ?ساعد|الرد|المشاركة|إنشاء|دعم|الامتثال|إكمال)",
)
_REFUSES = re.compile("|".join(f"(?:{form})" for form in _FORMS), re.IGNORECASE)
_MARKS = re.compile(
    r"[\u0400-\u04ff\u0600-\u06ff\u0900-\u097f\u3040-\u30ff\u4e00-\u9fff]"
    r"|\b(?:no|não|non|nicht|kein\w*|pas|niego|weigere|lehne|ablehnen|refuse|refuser|décliner|impossible"
    r"|recuso|rifiuto|rifiutare|rechazar)\b",
    re.IGNORECASE,
)
"""No form is without one of these; most texts end at this cheap check."""


def foreign_refusal(plain: str) -> bool:
    """Whether a text, without what it quotes, opens by declining in one of these languages."""
    head = plain[:_HEAD]
    return _MARKS.search(head) is not None and _REFUSES.search(head) is not None
