"""Words for emotions in groups of one meaning.

A group holds adjectives, nouns and other forms; the first adjective and the first noun are its plainest. Every word
is in one group. What annotators write of a clip is not always an emotion ("quarrel", "advice"): such words stand with
the emotion they go with, or in a group without adjectives, which is never offered as a wrong option.

One table for two uses: wrong options are never of the gold's group, and an answer in another word of the gold's group
is right.
"""

GROUPS: dict[str, tuple[str, str, str]] = {
    "joy": (
        "happy, joyful, cheerful, glad, delighted, merry, pleased, elated, blissful, overjoyed, jubilant, gleeful, "
        "ecstatic, euphoric, exultant, jolly, cheery, upbeat, radiant, pleasant, pleasurable, enjoyable",
        "joy, happiness, cheerfulness, delight, pleasure, elation, bliss, glee, gladness, joyfulness, euphoria, "
        "ecstasy, jubilation, enjoyment, cheer, merriment",
        "enjoy, rejoice, smiling, laughing",
    ),
    "amusement": (
        "amused, humorous, funny, playful, entertained, comical, witty, joking",
        "amusement, humor, humour, fun, playfulness, wit, hilarity",
        "joke, laugh",
    ),
    "mischief": (
        "mischievous, naughty, teasing, cheeky, impish, bantering",
        "mischief, naughtiness, cheekiness, banter",
        "tease",
    ),
    "flirtation": (
        "flirtatious, coquettish, flirty, seductive, charming, coy",
        "flirtation, coquetry, charm, coyness",
        "flirting",
    ),
    "enthusiasm": (
        "enthusiastic, lively, energetic, passionate, spirited, animated, vivacious, zealous, ardent, fervent, "
        "inspired, motivated",
        "enthusiasm, liveliness, energy, passion, vitality, zeal, fervor, inspiration, motivation",
        "",
    ),
    "excitement": (
        "excited, thrilled, exhilarated, stirred, moved, touched, fired up",
        "excitement, thrill, exhilaration, exuberance",
        "",
    ),
    "agitation": (
        "agitated, intense, emotional, frantic, frenzied, worked up, impulsive",
        "agitation, intensity, frenzy, turmoil, impulsiveness",
        "",
    ),
    "breakdown": (
        "devastated, hysterical, shattered, broken, overwhelmed",
        "breakdown, collapse, hysteria, devastation, meltdown",
        "",
    ),
    "satisfaction": (
        "satisfied, content, contented, fulfilled, gratified",
        "satisfaction, contentment, fulfillment, fulfilment, gratification",
        "",
    ),
    "comfort": (
        "comforted, consoled, soothed, reassured, secure",
        "comfort, consolation, solace, reassurance",
        "comforting, consoling",
    ),
    "calm": (
        "calm, relaxed, relieved, peaceful, serene, tranquil, composed, easygoing, carefree, comfortable, laid-back, "
        "leisurely, at ease, placid, steady",
        "calmness, relaxation, relief, peace, serenity, tranquility, tranquillity, ease, composure",
        "relax",
    ),
    "pride": (
        "proud, honored, honoured, dignified, triumphant, victorious",
        "pride, honor, honour, triumph, dignity",
        "",
    ),
    "arrogance": (
        "arrogant, smug, conceited, haughty, boastful, condescending, superior, complacent, self-satisfied, vain",
        "arrogance, smugness, conceit, vanity, superiority, complacency, haughtiness",
        "show off, showing off",
    ),
    "confidence": (
        "confident, self-assured, self-confident, assured, certain, sure, convinced, bold",
        "confidence, self-confidence, self-assurance, assurance, certainty, conviction",
        "",
    ),
    "determination": (
        "determined, resolute, firm, decisive, steadfast, strong, persistent, tenacious, unyielding, stubborn, brave, "
        "courageous",
        "determination, resolve, resolution, firmness, persistence, tenacity, strength, perseverance, stubbornness, "
        "courage, bravery",
        "",
    ),
    "hope": ("hopeful, optimistic, heartened", "hope, optimism, hopefulness", "hoping"),
    "anticipation": (
        "expectant, eager, keen, anticipatory",
        "anticipation, expectation, eagerness, expectancy",
        "looking forward to, looking forward, expecting, anticipating, awaiting, anticipate, expect",
    ),
    "desire": ("desirous, wishful, craving, greedy, lustful", "desire, wish, want, greed, lust", "wanting"),
    "nostalgia": (
        "nostalgic, wistful, homesick, sentimental, reminiscent, yearning",
        "nostalgia, longing, wistfulness, homesickness, sentimentality, reminiscence, memories, memory",
        "miss, missing, remember, reminiscing",
    ),
    "love": (
        "loving, affectionate, tender, fond, adoring, romantic, devoted, infatuated, enamored, intimate, close",
        "love, affection, tenderness, fondness, adoration, devotion, intimacy, attachment, infatuation, closeness",
        "like, adore, liking",
    ),
    "kindness": (
        "kind, friendly, gentle, warm, caring, considerate, warm-hearted, amiable, affable, cordial, genial, "
        "benevolent, good-natured",
        "kindness, friendliness, gentleness, warmth, care, goodwill, consideration, cordiality, blessing, blessings",
        "welcoming",
    ),
    "concern": ("concerned, solicitous", "concern, solicitude", "caring about"),
    "sympathy": (
        "sympathetic, compassionate, empathetic, understanding, pitying, merciful, forgiving",
        "sympathy, compassion, empathy, pity, comprehension, mercy, forgiveness",
        "understand",
    ),
    "gratitude": (
        "grateful, thankful, appreciative, indebted, obliged",
        "gratitude, thankfulness, appreciation, thanks, gratefulness",
        "appreciate, appreciate it, thank, thanking",
    ),
    "admiration": (
        "admiring, impressed, complimentary, awed, awestruck, worshipful",
        "admiration, praise, recognition, awe, wonder, worship",
        "admire, recognize, praising, marvel",
    ),
    "respect": (
        "respectful, polite, courteous, reverent, deferential, humble",
        "respect, politeness, courtesy, reverence, deference, esteem, humility",
        "",
    ),
    "approval": (
        "approving, affirmative, accepting, supportive, encouraging, agreeable",
        "approval, agreement, acceptance, affirmation, support, encouragement, endorsement",
        "approve, agree, accept, encourage, affirm, agreeing",
    ),
    "trust": ("trusting, trustful", "trust, faith, reliance", "believing"),
    "sincerity": (
        "sincere, frank, honest, earnest, candid, genuine, open",
        "sincerity, frankness, honesty, earnestness, candor, openness",
        "",
    ),
    "surprise": (
        "surprised, astonished, amazed, shocked, startled, stunned, astounded, dumbfounded, flabbergasted, speechless, "
        "incredulous, incredible, taken aback, unexpected",
        "surprise, astonishment, amazement, shock, disbelief, incredulity",
        "",
    ),
    "curiosity": (
        "curious, interested, inquisitive, intrigued, fascinated",
        "curiosity, interest, inquisitiveness, fascination, inquiry, intrigue",
        "wondering, inquiring",
    ),
    "confusion": (
        "confused, puzzled, perplexed, bewildered, baffled, disoriented, lost, dazed, at a loss",
        "confusion, puzzlement, bewilderment, perplexity, bafflement, disorientation",
        "",
    ),
    "doubt": (
        "doubtful, suspicious, skeptical, sceptical, distrustful, mistrustful, questioning, dubious, unconvinced",
        "doubt, suspicion, skepticism, scepticism, distrust, mistrust, question, questioning feeling",
        "suspect, doubting",
    ),
    "hesitation": (
        "hesitant, uncertain, unsure, indecisive, undecided, tentative, ambivalent, conflicted, torn",
        "hesitation, uncertainty, indecision, ambivalence, hesitancy, inner conflict",
        "hesitate, hesitating, guessing",
    ),
    "reluctance": (
        "reluctant, unwilling, resistant, averse, grudging",
        "reluctance, unwillingness, resistance, refusal, rejection, opposition, denial",
        "refuse, refusing, reject, rejecting, deny",
    ),
    "anger": (
        "angry, furious, mad, enraged, irate, outraged, indignant, livid, infuriated, fuming, seething, wrathful, "
        "raging, incensed, exasperated",
        "anger, fury, rage, outrage, wrath, indignation, ire, exasperation",
        "roaring",
    ),
    "irritation": (
        "irritated, annoyed, impatient, irritable, grumpy, cranky, testy, vexed, aggravated, fed up, sulky",
        "irritation, annoyance, impatience, irritability, vexation, grumpiness",
        "",
    ),
    "dissatisfaction": (
        "dissatisfied, displeased, discontented, unsatisfied, disgruntled, complaining",
        "dissatisfaction, displeasure, discontent, discontentment, complaint, complaints",
        "complain",
    ),
    "blame": (
        "accusing, reproachful, critical, accusatory, blaming, disapproving, judgmental, condemning",
        "blame, accusation, reproach, criticism, disapproval, condemnation, rebuke",
        "accuse, criticize, disapprove, scold, scolding, admonish, reprimand",
    ),
    "hostility": (
        "hostile, aggressive, threatening, provocative, antagonistic, confrontational, belligerent, combative, "
        "menacing, defiant, argumentative",
        "hostility, aggression, threat, provocation, antagonism, conflict, quarrel, argument, debate, challenge, "
        "defiance",
        "arguing, quarreling, quarrelling, provoking, threaten",
    ),
    "sternness": (
        "stern, strict, severe, harsh, commanding, authoritative, forceful",
        "sternness, severity, strictness, harshness, warning, authority",
        "warn",
    ),
    "urgency": ("urgent, hurried, rushed, hasty, pressing", "urgency, haste, hurry, rush", ""),
    "hatred": (
        "hateful, resentful, bitter, spiteful, vengeful, vindictive, malicious, loathing",
        "hatred, hate, resentment, bitterness, spite, malice, grudge, vengeance, vengefulness",
        "loathe",
    ),
    "disgust": (
        "disgusted, revolted, repulsed, repelled, nauseated, sickened",
        "disgust, revulsion, repulsion, aversion, distaste, dislike",
        "",
    ),
    "contempt": (
        "contemptuous, scornful, disdainful, mocking, sarcastic, ironic, sneering, dismissive, derisive, cynical",
        "contempt, scorn, disdain, mockery, irony, sarcasm, ridicule, derision, cynicism",
        "mock, taunting, looking down on",
    ),
    "jealousy": ("jealous, envious, covetous", "jealousy, envy, covetousness", ""),
    "fear": (
        "afraid, scared, fearful, frightened, terrified, horrified, panicked, alarmed, petrified, panicky, threatened, "
        "intimidated",
        "fear, terror, horror, panic, fright, dread, alarm",
        "",
    ),
    "worry": (
        "worried, anxious, apprehensive, troubled, fretful",
        "worry, anxiety, apprehension, worries, trouble, foreboding",
        "worrying",
    ),
    "nervousness": (
        "nervous, uneasy, tense, restless, stressed, jittery, unsettled, edgy, on edge, pressured, insecure",
        "nervousness, unease, uneasiness, tension, restlessness, stress, pressure, insecurity, jitters",
        "",
    ),
    "vigilance": (
        "alert, wary, cautious, vigilant, guarded, watchful, careful, defensive, paranoid",
        "alertness, wariness, caution, vigilance, defensiveness",
        "",
    ),
    "sadness": (
        "sad, sorrowful, mournful, tearful, gloomy, downcast, dejected, depressed, down, low, blue, miserable, "
        "heartbroken, grieving, despondent, glum, dispirited, melancholic, grief-stricken, somber, sombre",
        "sadness, sorrow, grief, melancholy, depression, misery, heartbreak, gloom, low mood, dejection, despondency, "
        "heartache",
        "crying, weeping, sobbing, sigh, sighing, mourning",
    ),
    "pain": (
        "pained, painful, hurt, wounded, tormented, agonized, anguished, struggling",
        "pain, suffering, anguish, agony, torment, struggle",
        "",
    ),
    "grievance": ("wronged, aggrieved, mistreated, misunderstood", "grievance, unfairness, injustice, self-pity", ""),
    "disappointment": (
        "disappointed, disillusioned, discouraged, disheartened, let down, crestfallen",
        "disappointment, disillusionment, discouragement, letdown",
        "",
    ),
    "helplessness": (
        "helpless, hopeless, desperate, powerless, despairing, pessimistic, resigned, vulnerable, defeated, trapped, "
        "weak",
        "helplessness, hopelessness, despair, desperation, powerlessness, pessimism, resignation, vulnerability",
        "",
    ),
    "frustration": ("frustrated, thwarted, stuck", "frustration, setback", ""),
    "distress": (
        "upset, distressed, unhappy, disturbed, uncomfortable, bothered",
        "distress, unhappiness, discomfort",
        "",
    ),
    "guilt": (
        "guilty, remorseful, regretful, sorry, apologetic, repentant, contrite, self-blaming",
        "guilt, remorse, regret, self-blame, apology, repentance, self-reproach, contrition",
        "apologizing",
    ),
    "shame": (
        "ashamed, embarrassed, humiliated, mortified, awkward, inferior",
        "shame, embarrassment, humiliation, awkwardness, inferiority, mortification",
        "",
    ),
    "self-mockery": (
        "self-deprecating, self-mocking, self-critical",
        "self-deprecation, self-mockery, self-criticism",
        "",
    ),
    "shyness": (
        "shy, bashful, timid, modest, reserved, sheepish, introverted",
        "shyness, bashfulness, timidity, modesty, sheepishness",
        "",
    ),
    "loneliness": (
        "lonely, alone, isolated, abandoned, forlorn, lonesome, neglected",
        "loneliness, isolation, abandonment, solitude",
        "",
    ),
    "tiredness": (
        "tired, exhausted, weary, fatigued, drained, sleepy, drowsy, worn out",
        "tiredness, exhaustion, weariness, fatigue, sleepiness",
        "",
    ),
    "indifference": (
        "indifferent, bored, apathetic, uninterested, listless, disinterested, detached, unconcerned, numb, cold, "
        "aloof, distant",
        "indifference, boredom, apathy, detachment, numbness, coldness, aloofness",
        "",
    ),
    "contemplation": (
        "thoughtful, pensive, contemplative, reflective, meditative, introspective",
        "contemplation, reflection, thought, introspection, pensiveness",
        "thinking, reflect, pondering, recalling",
    ),
    "focus": ("focused, attentive, concentrated, engrossed", "focus, concentration, attention, attentiveness", ""),
    "seriousness": ("serious, solemn, grave, heavy", "seriousness, solemnity, gravity, heaviness", ""),
    "neutrality": ("neutral, expressionless, emotionless, unemotional, matter-of-fact", "neutrality", ""),
    "advice": (
        "",
        "advice, suggestion, persuasion, reminder",
        "advise, suggest, persuade, emphasize, explaining, urging",
    ),
}
"""Name of a group -> its adjectives, nouns and other forms."""


def group_of(word: str) -> str | None:
    """The group of a lower-case emotion word, None where it has none."""
    return _GROUP_OF.get(word)


_GROUP_OF: dict[str, str] = {
    word: group for group, forms in GROUPS.items() for listed in forms for word in listed.split(", ") if word
}
