"""What `contextfirst doctor` looks at, one file a subject. A look never changes anything and ends in findings.

What takes seconds to import (torch, Prefect, the decoders) is looked at in processes of its own, all at once, so that a
broken package is a finding and not the doctor's end.
"""
