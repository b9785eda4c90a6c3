"""The command line with a Gemini that takes no medium inline, so that small clips are uploaded as large ones are."""

from flows.cli import main
from llm.providers import gemini

if __name__ == "__main__":
    gemini.INLINE_BYTES = 0
    main()
