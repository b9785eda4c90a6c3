"""Who writes completions: transformers in this process, vLLM beside the trainer, or a vLLM server. One interface."""
