"""Files of a scene: mp4 (H.264 and AAC), wav and jpg, with the same bytes for the same scene.

One encoder thread, a fixed group of pictures and bit-exact muxing: no clock, thread count or library banner
reaches the file.
"""

import io
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from corpus.picture import FPS, SIDE, draw_frames, draw_still
from corpus.scene import Scene
from corpus.sound import RATE, draw_sound

X264 = {"crf": "18", "preset": "veryfast", "g": "12", "bf": "0", "threads": "1", "x264-params": "threads=1"}


def write_scene(path: Path, scene: Scene, with_sound: bool = True) -> None:
    """Write the scene in the form that the suffix names: .mp4, .wav or .jpg."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".mp4":
        _write_mp4(path, draw_frames(scene), draw_sound(scene) if with_sound else None)
    else:
        path.write_bytes({".wav": wav_bytes, ".jpg": jpg_bytes}[path.suffix](scene))


def wav_bytes(scene: Scene) -> bytes:
    """The sound as 16-bit PCM, mono, 16 kHz."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(_pcm(draw_sound(scene)).tobytes())
    return buffer.getvalue()


def jpg_bytes(scene: Scene) -> bytes:
    """The middle frame as a JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(draw_still(scene)).save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def _pcm(samples: np.ndarray) -> np.ndarray:
    return np.rint(samples * 32767).astype("<i2")


def _write_mp4(path: Path, frames: np.ndarray, samples: np.ndarray | None) -> None:
    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream("libx264", rate=FPS, options=X264)
        video.width, video.height, video.pix_fmt = SIDE, SIDE, "yuv420p"
        video.codec_context.thread_count = 1
        audio = container.add_stream("aac", rate=RATE, layout="mono") if samples is not None else None
        if audio is not None:
            audio.codec_context.bit_rate = 48_000
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is not None and samples is not None:
            for start in range(0, samples.size, 1024):
                container.mux(audio.encode(_sound_frame(samples, start)))
            container.mux(audio.encode())


def _sound_frame(samples: np.ndarray, start: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
    return frame
