"""Examples as a dataset for others: Parquet in Hugging Face layout, its card, its Croissant metadata, and the hub.

`dataset.write_dataset` is the way in. It reads the examples artifact twice, as Arrow batches and never as Python rows:
once to count (`tally`), once to copy (`tables`, and `embedding` where media go inside). `card` and `croissant` then
describe what was written, both from one `contents.Contents`. `push` uploads a folder, and only when it is called.
"""
