"""Plain forms of declining in languages other than English, in the first person.

Spanish, German, French, Portuguese, Italian, Russian, Chinese, Japanese, Hindi, Arabic; in fewer
forms Korean, Dutch, Polish, Turkish, Swedish, Danish, Norwegian, Ukrainian, Vietnamese and
Indonesian. A form is a
negated "can" or "will" with a verb of helping, giving or answering; an apology makes other verbs
count too. Idioms ("no puedo evitar", "ich kann nicht anders") have other verbs.
"""

import re

__all__ = ["foreign_refusal"]

_HEAD = 350
"""Characters at the beginning in which a refusal stands; a story tells of one later."""
_ES_DO = (
    r"(?:ayudar|asistir|proporcionar|cumplir|hacer\s+eso|responder|ofrecer|dar(?:te|le"
    r"|les)?\s|escribir|"
    r"generar|crear|participar|continuar|completar|atender|brindar|facilitar|realizar"
    r"|apoyar|compartir)"
)
_PT_DO = (
    r"(?:ajud|fornecer|atender|cumprir|responder|oferecer|escrever|gerar|criar|participar"
    r"|continuar|"
    r"completar|realizar|auxiliar|prestar|compartilhar|fazer\s+isso|dar\s)"
)
_IT_DO = (
    r"(?:aiutar|fornir|assister|soddisfare|risponder|offrir|scriver|generar|crear"
    r"|partecipar|continuar|"
    r"completar|eseguir|condivider|supportar|farlo|dar(?:ti|le|vi)\b)"
)
_FR_DO = (
    r"(?:aider|assister|fournir|répondre|donner|offrir|écrire|générer|créer|participer|continuer|"
    r"compléter|satisfaire|accéder\s+à\s+(?:cette|votre|ta)|faire\s+(?:cela|ça)|partager"
    r"|traiter|proposer)"
)
_FORMS = (
    # Spanish
    rf"\bno\s+(?:puedo|podré|podemos|voy\s+a|quiero|debo)\s+(?:\w+mente\s+)?{_ES_DO}",
    rf"\bno\s+(?:(?:te|le|les|os)\s+)?puedo\s+{_ES_DO}",
    rf"\bno\s+(?:me\s+es\s+posible|soy\s+capaz\s+de|estoy\s+(?:autorizad[oa]"
    rf"|en\s+condiciones|dispuest[oa])"
    rf"\s*\w*)\s+{_ES_DO}|\bme\s+niego\s+a\b|\bno\s+me\s+siento\s+cómod[oa]\b|\bdebo\s+rechazar\b",
    r"^\W*(?:lo\s+siento|lo\s+lamento|lamento|disculpa|perdón|me\s+disculpo)\b[^.!?\n]{0,50}\bno\s+"
    r"(?:te\s+|le\s+)?(?:puedo|podré|voy\s+a|me\s+es\s+posible)",
    rf"\b(?:lamento|siento)\s+no\s+poder(?:te|le|les)?\s+{_ES_DO}"
    rf"|\blamento\s+não\s+poder\s+{_PT_DO}",
    r"\bprefiero\s+no\s+(?:responder|contestar|hacer|hablar|escribir|participar|ayudar)",
    # German
    r"\b(?:kann|darf|werde|möchte|will)\s+ich\b(?:(?!\bsagen\b)[^.!?\n]){0,60}\b(?:nicht"
    r"|keine?\w*)\b"
    r"[^.!?\n]{0,60}\b(?:helfen|weiterhelfen|unterstützen|behilflich|beantworten"
    r"|bereitstellen|geben|"
    r"anbieten|erfüllen|nachkommen|schreiben|erstellen|liefern|mitwirken|dienen|tun"
    r"|antworten|eingehen)\b",
    r"\bich\s+(?:kann|darf|werde|möchte|will)\b(?:(?!\bsagen\b)[^.!?\n]){0,60}\b(?:nicht"
    r"|keine?\w*)\b"
    r"[^.!?\n]{0,60}\b(?:helfen|weiterhelfen|unterstützen|behilflich|beantworten"
    r"|bereitstellen|geben|"
    r"anbieten|erfüllen|nachkommen|schreiben|erstellen|liefern|mitwirken|dienen|tun"
    r"|antworten|eingehen)\b",
    r"^\W*(?:es\s+tut\s+mir\s+(?:sehr\s+)?leid|tut\s+mir\s+leid|entschuldig\w*"
    r"|leider)\b[^.!?\n]{0,50}"
    r"\b(?:kann|darf|werde)\b[^.!?\n]{0,80}\b(?:nicht|keine?\w*)\b",
    r"\bich\s+bin\s+(?:\w+\s+)?nicht\s+(?:in\s+der\s+Lage|befugt"
    r"|bereit)\b[^.!?\n]{0,80}\bzu\s+(?:helfen|erfüllen|"
    r"unterstützen|beantworten|geben|schreiben|tun|erstellen)\b",
    r"\bich\s+(?:weigere\s+mich|lehne\s+(?:das|es|dies\w*|die)\b|muss\s+\w*\s*(?:ablehnen"
    r"|verweigern))|"
    r"\bich\s+muss\s+[^.!?\n]{0,40}\bablehnen\b",
    r"\b(?:dabei|damit|hierbei)\s+(?:helfe|unterstütze)\s+ich\s+(?:\w+\s+){0,3}nicht\b"
    r"|\bes\s+ist\s+mir\s+(?:\w+\s+)?nicht\s+(?:möglich|erlaubt|gestattet)\b",
    # French
    rf"\bje\s+(?:ne\s+)?(?:peux|puis|saurais|pourrai"
    rf"|vais)\s+(?:malheureusement\s+)?pas\s+(?:(?:vous|te|t'|y|le"
    rf"|la)\s*)?{_FR_DO}",
    rf"\bje\s+(?:ne\s+)?suis\s+pas\s+(?:en\s+mesure|capable|autorisée?"
    rf"|disposée?)\s+(?:de\s+|d'|à\s+)"
    rf"(?:(?:vous|te|t'|y)\s*)?{_FR_DO}",
    rf"\bdésolée?\s+de\s+ne\s+(?:pas\s+)?pouvoir\s+(?:(?:vous|te|t'|y)\s*)?{_FR_DO}",
    r"\bil\s+m'est\s+impossible\s+de\b|\bje\s+ne\s+(?:vous|t')\s*aiderai\s+pas\b"
    r"|\bje\s+(?:refuse|dois\s+(?:refuser|décliner))\b",
    r"^\W*(?:je\s+suis\s+(?:vraiment\s+)?désolée?|désolée?|je\s+m'excuse"
    r"|pardon)\b[^.!?\n]{0,40}\bje\s+ne\s+"
    r"(?:peux|puis|suis|saurais|pourrai)\b",
    rf"\bje\s+ne\s+(?:peux|puis|saurais)\s+(?:vous|t'|te)\s*{_FR_DO}|\bje\s+(?:préfère"
    rf"|préférerais)\s+ne\s+"
    rf"pas\s+(?:(?:vous|te|t'|y)\s*)?{_FR_DO}",
    # Portuguese
    rf"\bnão\s+(?:posso|poderei|consigo|vou|podemos|(?:lhe|te)\s+posso)\s+(?:(?:lhe|te|o"
    rf"|a)\s+)?{_PT_DO}",
    rf"\bnão\s+(?:me\s+é\s+possível|estou\s+(?:autorizad[oa]|em\s+condições)\s+\w+"
    rf"|sou\s+capaz\s+de)\s+"
    rf"{_PT_DO}|\bme\s+recuso\s+a\b|\brecuso-me\b",
    r"^\W*(?:desculpe|desculpa|sinto\s+muito|lamento|peço\s+desculpas?)\b[^.!?\n]{0,50}\bnão\s+"
    r"(?:posso|poderei|consigo|vou)\b",
    rf"\bprefiro\s+não\s+{_PT_DO}",
    # Italian
    rf"\bnon\s+(?:posso|potrò|possiamo|sono\s+in\s+grado\s+di|mi\s+è\s+possibile|(?:ti|la"
    rf"|vi)\s+posso|intendo)"
    rf"\s+{_IT_DO}|\bmi\s+rifiuto\s+di\b|\bnon\s+(?:ti|la|vi)\s+aiuterò\b|\bdevo\s+rifiutare\b",
    r"^\W*(?:mi\s+dispiace|mi\s+scuso|spiacente|purtroppo|scusa)\b[^.!?\n]{0,50}\bnon\s+"
    r"(?:posso|potrò|sono\s+in\s+grado|mi\s+è\s+possibile)\b",
    rf"\bpreferisco\s+non\s+{_IT_DO}|\bnon\s+sono\s+(?:autorizzat[oa]|dispost[oa])\s+a\s+{_IT_DO}"
    r"|\bnon\s+(?:scriverò|risponderò|fornirò|genererò|creerò|parteciperò)\b",
    # Russian
    r"\bя\s+(?:\w+\s+)?(?:не\s+(?:могу|смогу|буду|стану|имею\s+права|в\s+состоянии)|отказываюсь)\s+"
    r"(?:\w+\s+){0,3}?(?:помо|выполн|предостав|отве[тч]|да[тв]|писать|написать|созда|участв"
    r"|продолж|дела|"
    r"поддерж|обсужд|оказ)",
    r"^\W*(?:извините|простите|прошу\s+прощения|к\s+сожалению|мне\s+жаль"
    r"|сожалею)[^.!?\n]{0,50}\bне\s+"
    r"(?:могу|смогу|буду|стану)\b",
    r"^\W*не\s+(?:могу|смогу|буду)\s+(?:\w+\s+){0,2}?(?:помочь|помогать|выполнить|ответить"
    r"|предоставить)",
    r"\bя\s+(?:предпоч[её]л[а]?\s+бы|предпочитаю)\s+не\s+(?:отвеча|помога|писать|обсужда|дела)"
    r"|\bя\s+(?:вынужден[а]?|должен|должна)\s+отказать|\bэто\s+невозможно\s+для\s+меня",
    # Chinese
    r"(?:抱歉|对不起|對不起|很遗憾|很遺憾|不好意思)[^。！？!?\n]{0,25}(?:无法|無法|不能|不会|不會|不可以|不便)",
    r"(?:我|本人|作为\S{1,12}[，,]?)(?:恐怕|实在|目前|暂时)?(?:无法|無法|不能|不会|不會|不可以|拒绝|拒絕)(?:为您|为你|向您|向你|"
    r"給您|给您|给你)?(?:提供|协助|協助|帮助|幫助|帮|满足|滿足|回答|完成|生成|撰写|写|参与|支持|讨论|執行|执行|处理|这样做)",
    r"(?:抱歉|对不起|對不起|很遗憾|很遺憾|恕我)[^。！？!?\n]{0,20}(?:做不到|办不到|辦不到|超出[^。]{0,8}(?:能力|范围|範圍))"
    r"|我不方便(?:回答|透露|提供|讨论|討論)",
    # Japanese
    r"(?:申し訳|すみません|すいません|ごめん|残念)[^。！？!?\n]{0,60}(?:できません|できない|出来ません|かねます|お断り|"
    r"できかね|差し控え)",
    r"(?:お手伝い|お答え|回答|提供|対応|協力|支援|お応え|作成|ご案内|お教え|お受け|説明|サポート)(?:を|は|に|が|も|する|"
    r"する?こと|いた|させていただく|応じる|は)*(?:できません|できかねます|いたしかねます|致しかねます|しかねます|お断り)",
    r"お断り(?:します|いたします|させていただきます)|(?:応じ|お応えす|ご要望に沿)(?:る|う)ことはできません",
    r"^\W*(?:私は|私には)?(?:それ|これ|その\S{1,6}|この\S{1,6})(?:は|を(?:する|行う)ことは?が?)できません\W*$",
    # Hindi
    r"(?:क्षमा|माफ़|माफ|खेद|दुर्भाग्य)[^।!?\n]{0,90}(?:नहीं\s+\S*\s*(?:सकत|सकूँ|सकूं|करूँ"
    r"|करूं|दूँ|दूं)|असमर्थ|नहीं\s+कर)",
    r"^\W*(?:मैं|हम)\s+(?:यह|ऐसा|इसे|वह)\s+नहीं\s+(?:कर|बता|दे)\s+सकत",
    r"(?:मैं|हम)\s[^।!?\n]{0,90}(?:मदद|सहायता|सहयोग|जानकारी|उत्तर|जवाब|प्रदान|पूरा"
    r"|अनुरोध)[^।!?\n]{0,40}"
    r"(?:नहीं\s+(?:कर|दे|लिख|बता|हो)?\s*(?:सकत|सकूँ|सकूं|पाऊ|करूँ|करूं|दूँ|दूं)|असमर्थ"
    r"|इनकार|इंकार)",
    # Arabic
    r"(?:آسف|آسفة|عذر|أعتذر|اعتذر|للأسف|معذرة|المعذرة)[^.!?؟\n]{0,50}(?:لا\s+(?:أستطيع"
    r"|استطيع|يمكنني|أقدر)|"
    r"لن\s+(?:أ|يمكن)|لست\s+قادر|غير\s+قادر|ليس\s+بإمكاني)",
    r"(?:لا\s+(?:أستطيع|استطيع|يمكنني|أقدر)|لن\s+(?:أستطيع|أتمكن\s+من|يمكنني)"
    r"|غير\s+قادر[ة]?\s+على|أرفض|"
    r"ليس\s+بإمكاني)\s+(?:\S+\s+)?(?:فعل\s+(?:ذلك|هذا)|عمل\s+(?:ذلك|هذا)|مساعد|المساعدة"
    r"|تقديم|تلبية|الإجابة|توفير|تنفيذ|كتابة|إعطاء|القيام|"
    r"أن\s+أ?ساعد|الرد|المشاركة|إنشاء|دعم|الامتثال|إكمال)",
    # Korean, Dutch, Polish, Turkish, Scandinavian, Ukrainian, Vietnamese, Indonesian
    r"(?:죄송|유감|미안)[^.!?\n]{0,40}(?:수\s*없|못\s*합|어렵습니다)|(?:도와\s*드릴|도울|답변(?:할|드릴)|응답할|제공(?:할|해\s*드릴))"
    r"\s*수\s*(?:는\s*)?없습니다",
    r"\b(?:kan|mag|zal|wil)\s+ik\b[^.!?\n]{0,40}\b(?:niet|geen)\b[^.!?\n]{0,30}\b(?:helpen"
    r"|uitvoeren|beantwoorden|"
    r"geven|voldoen|doen)\b|\bik\s+(?:kan|mag|zal|wil)\b[^.!?\n]{0,40}\b(?:niet"
    r"|geen)\b[^.!?\n]{0,30}\b(?:helpen|"
    r"uitvoeren|beantwoorden|geven|voldoen|doen)\b",
    r"\bnie\s+mogę\s+(?:\w+\s+){0,3}?(?:pomóc|odpowiedzieć|spełnić|napisać|udzielić|zrobić"
    r"|wykonać)\b",
    r"\b(?:yardımcı\s+olamam|yardım\s+edemem|yanıtlayamam|cevaplayamam|bunu\s+yapamam"
    r"|sağlayamam|yerine\s+getiremem)\b",
    r"\b(?:jag|jeg)\s+kan\s+(?:\w+\s+)?(?:inte|ikke)\s+(?:hj[äæe]lp|svar|utför|udfør|göra"
    r"|gøre|skriv)"
    r"|\bkan\s+(?:jag|jeg)\s+(?:\w+\s+)?(?:inte|ikke)\s+(?:hj[äæe]lp|svar)",
    r"\bя\s+не\s+(?:можу|зможу|буду)\s+(?:\w+\s+){0,3}?(?:допомог|викона|відповіс|надати"
    r"|написати|зробити)",
    r"\btôi\s+không\s+thể\s+(?:giúp|hỗ\s+trợ|trả\s+lời|cung\s+cấp|đáp\s+ứng|thực\s+hiện|viết)",
    r"\bsaya\s+tidak\s+(?:bisa|dapat)\s+(?:membantu|menjawab|memberikan|memenuhi|melakukan"
    r"|menulis)",
)
_REFUSES = re.compile("|".join(f"(?:{form})" for form in _FORMS), re.IGNORECASE)
_MARKS = re.compile(
    r"[\u0400-\u04ff\u0600-\u06ff\u0900-\u097f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]"
    r"|\b(?:no\s+(?:puedo|podré|podría|podemos|voy|quiero|debo|me|te|le|les|os|soy|estoy"
    r"|poder|responder"
    r"|contestar|hacer|hablar|escribir|participar|ayudar)|ne|não|non|nicht|kein\w*|pas"
    r"|niego|weigere|lehne|ablehnen|je\s+refuse"
    r"|décliner|impossible"
    r"|recuso|rifiuto|rifiutare|rechazar"
    r"|niet|geen|nie|inte|ikke|không|tidak|olamam|edemem|yapamam|yanıtlayamam"
    r"|cevaplayamam|sağlayamam|getiremem)\b",
    re.IGNORECASE,
)
"""No form is without one of these; most texts end at this cheap check."""


def foreign_refusal(plain: str) -> bool:
    """Whether a text, without what it quotes, opens by declining in one of these languages."""
    head = plain[:_HEAD]
    return _MARKS.search(head) is not None and _REFUSES.search(head) is not None
