"""Each source and benchmark in its publisher's own layout: one file and one line of this table each."""

from corpus.layouts import daily_omni, emer, intentbench, omni_instruct, social_iq2, video_r1, worldsense
from corpus.layouts.layout import Layout

LAYOUTS: dict[str, Layout] = {
    "video_r1": video_r1.LAYOUT,
    "social_iq2": social_iq2.LAYOUT,
    "emer": emer.LAYOUT,
    "omni_instruct": omni_instruct.LAYOUT,
    "intentbench": intentbench.LAYOUT,
    "daily_omni": daily_omni.LAYOUT,
    "worldsense": worldsense.LAYOUT,
}
