"""Which groups of emotion words are so near that an onlooker might say one for the other; each pair is written once.

Annotators write "positive" and "negative" too: these name no emotion, but a side that some groups may be on.
"""

POSITIVE: tuple[str, str] = (
    "positive, positivity, positive emotion, positive emotions, positive attitude, positive mood, good mood",
    "joy amusement mischief flirtation enthusiasm excitement satisfaction comfort calm pride confidence determination "
    "hope anticipation desire love kindness concern sympathy gratitude admiration respect approval trust sincerity "
    "curiosity surprise focus nostalgia",
)
"""Words that say only that the feeling is good, and the groups that they may stand for."""

NEGATIVE: tuple[str, str] = (
    "negative, negativity, negative emotion, negative emotions, negative attitude, negative mood, bad mood",
    "agitation breakdown arrogance concern confusion doubt hesitation reluctance anger irritation dissatisfaction "
    "blame hostility sternness urgency hatred disgust contempt jealousy fear worry nervousness vigilance sadness pain "
    "grievance disappointment helplessness frustration distress guilt shame self-mockery shyness loneliness tiredness "
    "indifference seriousness nostalgia surprise excitement",
)
"""Words that say only that the feeling is bad, and the groups that they may stand for."""

NEAR: dict[str, str] = {
    "joy": "amusement mischief enthusiasm excitement satisfaction comfort calm pride hope anticipation love kindness "
    "gratitude approval flirtation",
    "amusement": "mischief self-mockery contempt flirtation enthusiasm",
    "mischief": "flirtation contempt hostility enthusiasm",
    "flirtation": "love shyness desire kindness",
    "enthusiasm": "excitement anticipation determination hope curiosity confidence",
    "excitement": "agitation anticipation anger surprise urgency hope gratitude admiration pride irritation",
    "agitation": "anger breakdown nervousness urgency irritation distress fear hostility enthusiasm worry",
    "breakdown": "sadness pain helplessness distress anger fear worry",
    "satisfaction": "comfort calm pride approval gratitude arrogance confidence",
    "comfort": "calm kindness sympathy hope concern gratitude trust",
    "calm": "confidence neutrality contemplation indifference seriousness trust",
    "pride": "arrogance confidence admiration determination gratitude",
    "arrogance": "contempt confidence hostility indifference",
    "confidence": "determination hope trust approval sincerity",
    "determination": "seriousness focus hostility sternness sincerity reluctance hope anger",
    "hope": "anticipation desire trust",
    "anticipation": "desire curiosity urgency focus",
    "desire": "nostalgia love jealousy",
    "nostalgia": "sadness love loneliness contemplation guilt",
    "love": "kindness concern admiration sympathy gratitude trust jealousy",
    "kindness": "concern sympathy gratitude respect approval sincerity advice",
    "concern": "worry sympathy focus seriousness nervousness curiosity fear advice distress",
    "sympathy": "sadness approval distress worry trust guilt",
    "gratitude": "admiration respect approval sincerity guilt",
    "admiration": "respect approval surprise jealousy curiosity",
    "respect": "approval sincerity seriousness shyness trust",
    "approval": "trust sincerity advice",
    "trust": "sincerity",
    "sincerity": "seriousness advice guilt",
    "surprise": "confusion fear curiosity doubt agitation distress",
    "curiosity": "confusion doubt focus contemplation hesitation",
    "confusion": "doubt hesitation helplessness contemplation distress worry nervousness",
    "doubt": "hesitation vigilance blame contempt worry anger reluctance contemplation hostility dissatisfaction",
    "hesitation": "reluctance worry nervousness shyness contemplation vigilance helplessness",
    "reluctance": "dissatisfaction irritation disgust sadness anger hostility helplessness indifference",
    "anger": "irritation dissatisfaction blame hostility sternness hatred disgust contempt frustration distress "
    "grievance disappointment jealousy seriousness pain",
    "irritation": "dissatisfaction blame hostility sternness hatred disgust contempt frustration distress urgency "
    "nervousness indifference worry",
    "dissatisfaction": "blame hostility sternness hatred disgust contempt frustration distress grievance "
    "disappointment jealousy sadness helplessness",
    "blame": "hostility sternness hatred contempt disappointment advice grievance seriousness disgust frustration",
    "hostility": "sternness hatred contempt disgust vigilance jealousy fear",
    "sternness": "seriousness advice urgency focus contempt vigilance",
    "urgency": "worry nervousness fear seriousness distress",
    "hatred": "disgust contempt jealousy grievance pain",
    "disgust": "contempt distress",
    "contempt": "indifference jealousy",
    "jealousy": "grievance disappointment distress",
    "fear": "worry nervousness vigilance distress helplessness pain hesitation shyness",
    "worry": "nervousness vigilance distress helplessness sadness seriousness pain frustration guilt contemplation",
    "nervousness": "vigilance distress shyness shame seriousness pain frustration helplessness",
    "vigilance": "focus seriousness",
    "sadness": "pain grievance disappointment helplessness frustration distress guilt loneliness tiredness seriousness "
    "shame contemplation",
    "pain": "grievance disappointment helplessness frustration distress guilt loneliness tiredness shame seriousness",
    "grievance": "disappointment helplessness frustration distress loneliness",
    "disappointment": "helplessness frustration distress guilt loneliness seriousness",
    "helplessness": "frustration distress guilt loneliness tiredness shame self-mockery indifference seriousness",
    "frustration": "distress tiredness shame guilt",
    "distress": "guilt shame loneliness tiredness seriousness",
    "guilt": "shame self-mockery seriousness",
    "shame": "shyness self-mockery",
    "loneliness": "tiredness indifference",
    "tiredness": "indifference",
    "indifference": "neutrality",
    "contemplation": "focus seriousness neutrality",
    "focus": "seriousness neutrality",
    "seriousness": "neutrality",
}
"""Name of a group -> groups that an onlooker could take for it; it holds both ways."""
