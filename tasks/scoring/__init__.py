"""Official metrics of the benchmarks, over our own scores and over predictions that were made elsewhere.

| file          | what                                                                       |
|---------------|----------------------------------------------------------------------------|
| metrics       | the literal table: what each benchmark tells apart and how it averages     |
| predictions   | a file of predictions, streamed item by item                               |
| marks         | what one item is worth, by the rules of `training.rewards`                 |
| tally         | marks kept in a few bytes each, and the cells of the table made of them    |
| subsets       | lists of question ids                                                      |
| judged        | what a judge said, added up by benchmark and reward                        |
| scored_file   | a whole file, with everything that is to be said of its numbers            |
"""
